package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/teei/slipway/internal/platform"
)

// layerOf is a layer with these names, one a word: a/ is a folder, a>b a
// symbolic link.
func layerOf(t *testing.T, names string) v1.Layer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range strings.Fields(names) {
		h := &tar.Header{Name: name, Typeflag: tar.TypeReg}
		if from, to, ok := strings.Cut(name, ">"); ok {
			h.Name, h.Linkname, h.Typeflag = from, to, tar.TypeSymlink
		} else if strings.HasSuffix(name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

// What runs, by the words of its command, in an image of these layers.
func TestCommandThere(t *testing.T) {
	t.Parallel()
	node := []string{"docker-entrypoint.sh"}
	for _, c := range []struct {
		name            string
		entrypoint, cmd []string
		trusted         int
		layers          []string // the lowest first
		want            string   // of the error, "" for none
	}{
		{"a package", []string{"/nodejs/bin/node"}, []string{"dist/main.js"}, 1, []string{"nodejs/bin/node", "app/ app/dist/ app/dist/main.js"}, ""},
		{"a package without it", []string{"/nodejs/bin/node"}, []string{"dist/main.js"}, 1, []string{"", "app/ app/package.json app/lib/ app/lib/x.js"}, "/app/dist/main.js, which is not in it; /app has lib, package.json"},
		{"another file beside it", []string{"/nodejs/bin/node"}, []string{"dist/main.js"}, 1, []string{"app/dist/main.cjs app/dist/index.js"}, "/app/dist/main.js, which is not in it; /app/dist has index.js, main.cjs"},
		{"no base with a program", []string{"/nodejs/bin/node"}, []string{"x.js"}, 0, []string{"app/x.js"}, `"/nodejs/bin/node x.js" needs /nodejs/bin/node, which is not in it; / has app`},
		{"flags of Node.js", nil, []string{"node", "--enable-source-maps", "--import", "./env.js", "dist/main.js"}, 0, []string{"app/env.js"}, "/app/dist/main.js"},
		{"a flag of Node.js and its value", nil, []string{"node", "--unhandled-rejections", "strict", "--redirect-warnings", "/tmp/warnings", "dist/main.js"}, 0, []string{"app/dist/main.js"}, ""},
		{"a setting of PHP", nil, []string{"php", "-d", "memory_limit=1G", "artisan", "serve"}, 0, []string{"app/artisan"}, ""},
		{"a script of Python", nil, []string{"python", "-u", "main.py"}, 0, []string{"app/x"}, "/app/main.py"},
		{"a command of tsx", nil, []string{"tsx", "watch", "src/main.ts"}, 0, []string{"app/src/main.ts"}, ""},
		{"without its ending", nil, []string{"node", "dist/main"}, 0, []string{"app/dist/main.js"}, ""},
		{"a folder", nil, []string{"node", "."}, 0, []string{"app/ app/index.js"}, ""},
		{"in a shell", []string{"/bin/sh", "-c", "exec node dist/main.js"}, nil, 0, []string{"bin/sh"}, "/app/dist/main.js"},
		{"in a shell that does more", nil, []string{"/bin/sh", "-c", "node migrate.js && node dist/main.js"}, 0, []string{"bin/sh"}, ""},
		{"the entrypoint of Node.js's image", node, []string{"dist/main.js"}, 0, []string{"app/"}, "/app/dist/main.js"},
		{"the same with a command", node, []string{"node", "server.js"}, 0, []string{"app/"}, "/app/server.js"},
		{"the same with npm", node, []string{"npm", "start"}, 0, []string{"app/"}, ""},
		{"an entrypoint of somebody's own", []string{"/entrypoint.sh"}, []string{"serve"}, 0, []string{"entrypoint.sh"}, ""},
		{"an entrypoint that is not there", []string{"/entrypoint.sh"}, []string{"serve"}, 0, []string{"app/ etc/"}, "/entrypoint.sh, which is not in it; / has app, etc"},
		{"an init", []string{"tini", "--", "node", "main.js"}, nil, 0, []string{"app/x"}, "/app/main.js"},
		{"an init with flags that are not known", []string{"tini", "-g", "-p", "SIGTERM", "node"}, []string{"main.js"}, 0, nil, ""},
		{"a program in PATH", nil, []string{"server"}, 0, []string{"usr/local/bin/server"}, ""},
		{"a program in none", nil, []string{"server"}, 0, []string{"usr/local/bin/serve"}, "/usr/local/sbin/server"},
		{"a program by way of a link", nil, []string{"/bin/server"}, 0, []string{"usr/bin/server", "bin>usr/bin"}, ""},
		{"a link to a link", nil, []string{"/bin/server"}, 0, []string{"opt/v2/run opt/now>v2", "usr/bin/server>../../opt/now/run bin>usr/bin"}, ""},
		{"a link to nothing", nil, []string{"/bin/server"}, 0, []string{"bin/server>/opt/server opt/x"}, "/bin/server, which is not in it; /opt has x"},
		{"links in a circle", nil, []string{"/a"}, 0, []string{"a>b b>a"}, "/a, which"},
		{"a folder for a program", nil, []string{"/app"}, 0, []string{"app/"}, "it is a folder"},
		{"taken away above", nil, []string{"node", "main.js"}, 0, []string{"app/main.js", "app/.wh.main.js"}, "/app/main.js"},
		{"its folder taken away above", nil, []string{"node", "main.js"}, 0, []string{"app/main.js", ".wh.app", "app/x.js"}, "/app/main.js"},
		{"its folder made anew", nil, []string{"node", "main.js"}, 0, []string{"app/main.js", "app/.wh..wh..opq app/x.js"}, "/app/main.js, which is not in it; /app has x.js"},
		{"taken away and put back", nil, []string{"node", "main.js"}, 0, []string{"app/main.js", "app/.wh.main.js", "app/main.js"}, ""},
		{"code, and no file", nil, []string{"node", "-e", "1"}, 0, nil, ""},
		{"a module of Python", nil, []string{"python3", "-m", "app"}, 0, nil, ""},
		{"a jar", nil, []string{"java", "-Xmx1g", "-jar", "app.jar"}, 0, []string{"app/x"}, "/app/app.jar"},
		{"nothing to run", nil, nil, 0, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var layers []v1.Layer
			for _, names := range c.layers {
				layers = append(layers, layerOf(t, names))
			}
			image, err := mutate.AppendLayers(empty.Image, layers...)
			if err != nil {
				t.Fatal(err)
			}
			image, err = mutate.Config(image, v1.Config{Entrypoint: c.entrypoint, Cmd: c.cmd, WorkingDir: "/app"})
			if err != nil {
				t.Fatal(err)
			}
			err = commandThere(recipe{Name: "web", Service: platform.Service{Name: "web"}}, image, c.trusted)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "image of web: its command ") || !strings.Contains(err.Error(), c.want) || hint(err) == "" || exitCode(err) != exitFailed):
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// A library that is linked would lead out of the image to nothing.
func TestPackRefusesLinksToTheWorkspace(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]bool{workdir + "/packages/kit": true, "../../other": false, "/etc/hostname": false, workdir + "er": false} {
		dir := t.TempDir()
		write(t, dir, "node_modules/x", "")
		if err := os.Symlink(target, filepath.Join(dir, "node_modules/kit")); err != nil {
			t.Fatal(err)
		}
		err := packInside(dir, "app", filepath.Join(t.TempDir(), "layer.tgz"))
		if refused := err != nil && strings.Contains(err.Error(), "/app/node_modules/kit leads to "+workdir+"/packages/kit, which "+leadsOut); refused != want || err != nil && !refused {
			t.Errorf("%s: %v", target, err)
		}
	}
}

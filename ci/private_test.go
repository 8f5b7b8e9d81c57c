package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/testenv"
)

const npmToken = "npm-token-that-nobody-may-see"

// privateNpm serves one package, @private/kit, to who shows the token; over TLS
// where there is a certificate.
func privateNpm(t *testing.T, certificates ...tls.Certificate) (address, integrity string) {
	t.Helper()
	var tarball bytes.Buffer
	packed := gzip.NewWriter(&tarball)
	archive := tar.NewWriter(packed)
	for name, text := range map[string]string{
		"package/package.json": `{"name":"@private/kit","version":"1.0.0","type":"module","exports":"./index.js"}`,
		"package/index.js":     "export const kit = 'out of the private registry';\n",
	} {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(archive, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	b := newBeacon(t) // listens where containers reach it
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer "+npmToken:
			http.Error(w, `{"error":"who are you?"}`, http.StatusUnauthorized)
		case r.URL.Path == "/@private/kit/-/kit-1.0.0.tgz":
			_, _ = w.Write(tarball.Bytes())
		default:
			http.NotFound(w, r)
		}
	}))
	server.Listener = b.listener
	if len(certificates) > 0 {
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // who does not trust it is expected
		server.TLS = &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS12}
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	host, port := b.address()
	sum := sha512.Sum512(tarball.Bytes())
	return host + ":" + port, "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

// A token for packages works, and is in no layer, log or report, not even
// where a check prints it; wherever the repository or the user keeps it.
func TestTokenOfNpmIsKept(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]func(t *testing.T, root, login string) (env []string){
		"in the repository": func(t *testing.T, root, login string) []string {
			write(t, root, ".npmrc", login+npmToken+"\n")
			return nil
		},
		"in a variable": func(t *testing.T, root, login string) []string {
			user := filepath.Join(t.TempDir(), "npmrc")
			if err := os.WriteFile(user, []byte(login+"${NPM_TOKEN}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return []string{"NPM_CONFIG_USERCONFIG=" + user, "NPM_TOKEN=" + npmToken}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := workspace(t)
			address, integrity := privateNpm(t)
			replace(t, root, "slipway.yaml", "services:\n", "checks:\n  test: {run: 'env; cat .npmrc $NPM_CONFIG_USERCONFIG; pnpm ls -r @private/kit'}\nservices:\n")
			needPrivate(t, root, integrity)
			env := keep(t, root, "@private:registry=http://"+address+"/\n//"+address+"/:_authToken=")
			p := launch(t, env, "test", "images", "--root", root)
			code, output, r := p.ends(3 * time.Minute)
			if code != exitFine || len(r.Images) != 2 {
				t.Fatalf("exit code %d\n%s", code, output)
			}
			if files := p.keeps(npmToken); files < 4 {
				t.Errorf("%d files", files)
			}
			if log, err := os.ReadFile(filepath.Join(p.folder, "logs", "test.log")); err != nil || !bytes.Contains(log, []byte("***")) {
				t.Errorf("the check did not print the token: %s %v", log, err)
			}
			for _, i := range r.Images {
				reference := testenv.Env(t)["SLIPWAY_REGISTRY"] + "/little/" + i.Service + "@" + i.Digest
				found := contents(t, reference)
				wellMade(t, reference, i.Service)
				if bytes.Contains(found, []byte(npmToken)) || bytes.Contains(found, []byte(address)) {
					t.Errorf("the image of %s tells how to get at private packages", i.Service)
				}
				if i.Service == "web" && !bytes.Contains(found, []byte("out of the private registry")) {
					t.Error("web lacks the private package")
				}
			}
		})
	}
}

// needPrivate makes web need the private package.
func needPrivate(t *testing.T, root, integrity string) {
	t.Helper()
	replace(t, root, "services/web/package.json", `"kit":"workspace:*"`, `"kit":"workspace:*","@private/kit":"1.0.0"`)
	replace(t, root, "pnpm-lock.yaml", "    dependencies:\n", "    dependencies:\n      '@private/kit':\n        specifier: 1.0.0\n        version: 1.0.0\n")
	lock, err := os.ReadFile(filepath.Join(root, "pnpm-lock.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, root, "pnpm-lock.yaml", string(lock)+"\npackages:\n\n  '@private/kit@1.0.0':\n    resolution: {integrity: "+integrity+"}\n\nsnapshots:\n\n  '@private/kit@1.0.0': {}\n")
}

// wellMade checks what every image of a package has: no root, labels of what it
// is and stands on, the port of its service.
func wellMade(t *testing.T, reference, service string) {
	t.Helper()
	config, err := pull(t, reference).ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	port := map[string]string{"web": "8080/tcp", "mail": "8081/tcp"}[service]
	if _, ok := config.Config.ExposedPorts[port]; !ok || len(config.Config.ExposedPorts) != 1 {
		t.Errorf("%s exposes %v, want %s", service, config.Config.ExposedPorts, port)
	}
	if user, _, _ := strings.Cut(config.Config.User, ":"); user == "" || user == "0" || user == "root" {
		t.Errorf("%s runs as %q", service, config.Config.User)
	}
	for label, want := range map[string]string{"title": service, "vendor": "little", "base.name": platform.DefaultBase, "base.digest": "sha256:"} {
		if got := config.Config.Labels["org.opencontainers.image."+label]; !strings.HasPrefix(got, want) {
			t.Errorf("%s is labelled %s=%q, want %q", service, label, got, want)
		}
	}
}

func pull(t *testing.T, reference string) v1.Image {
	t.Helper()
	ref, err := name.ParseReference(reference)
	if err != nil {
		t.Fatal(err)
	}
	image, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// contents are the configuration of an image and the layer on its base, unpacked.
func contents(t *testing.T, reference string) []byte {
	t.Helper()
	image := pull(t, reference)
	all, err := image.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	own, err := layers[len(layers)-1].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	data, err := io.ReadAll(own)
	if err != nil {
		t.Fatal(err)
	}
	return append(all, data...)
}

// A registry with a password takes images from who is logged in to it.
func TestRegistryLogin(t *testing.T) {
	t.Parallel()
	const user, password = "pusher", "password-of-the-registry"
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="images"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
			return
		}
		images.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "http://")
	c := tiny(t)
	replace(t, c.root, "slipway.yaml", c.registry, address+"/tiny")

	c.env = append(c.env, "DOCKER_CONFIG="+t.TempDir())
	code, output, r := c.launch(t, "images").ends(2 * time.Minute)
	if f := r.Failures(); code != exitInfrastructure || len(f) != 1 || !strings.Contains(f[0].Hint, "docker login "+address) {
		t.Errorf("exit code %d\n%s", code, output)
	}
	code, output, _ = c.launch(t, "doctor").ends(2 * time.Minute)
	if code != exitFine || !strings.Contains(output, address+"/tiny, which may want a `docker login`") {
		t.Errorf("doctor: exit code %d\n%s", code, output)
	}

	login, err := json.Marshal(map[string]any{"auths": map[string]any{address: map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(user + ":" + password))}}})
	if err != nil {
		t.Fatal(err)
	}
	docker := t.TempDir()
	write(t, docker, "config.json", string(login))
	c.env = append(c.env, "DOCKER_CONFIG="+docker)
	code, output, r = c.launch(t, "images").ends(2 * time.Minute)
	if code != exitFine || len(r.Images) != 1 || strings.Contains(output, password) {
		t.Errorf("exit code %d\n%s", code, output)
	}
	code, output, _ = c.launch(t, "doctor").ends(2 * time.Minute)
	if code != exitFine || strings.Contains(output, "docker login") || strings.Contains(output, password) {
		t.Errorf("doctor: exit code %d\n%s", code, output)
	}
}

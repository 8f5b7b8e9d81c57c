package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Binaries is the folder that what was built from Go modules lies in.
type Binaries string

func (b Binaries) path(name string) string { return filepath.Join(string(b), name) }

// hasEngine tells that the box runs the engine; elsewhere Docker provides it.
func (b Binaries) hasEngine() bool { return exists(b.path("dagger-engine")) }

const (
	kubernetesVersion = "v1.37.2"
	containerdVersion = "v2.2.8"
)

// build is one call of the go command.
type build struct {
	what   string
	takes  string // the first time, on two cores
	module string // folder of the nested module to build in
	args   []string
	out    string
}

// builds are all that is built here. Docker brings an engine, but no CLI, and
// people write `dagger run` there as well.
func builds(withEngine bool) []build {
	var all []build
	cli := "4 min"
	if withEngine {
		all = append(all, daggerBuild("engine", "dagger-engine", "6 min"), daggerBuild("init", "dagger-init", "seconds"), daggerBuild("dnsname", "cni/dnsname", "seconds"))
		cli = "1 min" // most of its packages are the engine's
	}
	all = append(all, daggerBuild("dagger", "dagger", cli))
	v := "k8s.io/component-base/version"
	flags := "-s -w -X " + v + ".gitVersion=" + kubernetesVersion + " -X " + v + ".gitMajor=1 -X " + v + ".gitMinor=37 -X k8s.io/client-go/pkg/version.gitVersion=" + kubernetesVersion
	return append(all,
		build{"Kubernetes " + kubernetesVersion, "14 min", "cluster", []string{"-ldflags", flags, "."}, "cluster"},
		build{"the pause image", "seconds", "cluster", []string{"-ldflags", "-s -w", "./pause"}, "pause"})
}

func daggerBuild(cmd, out, takes string) build {
	v := "github.com/dagger/dagger/engine"
	flags := "-s -w -X " + v + ".Version=" + DaggerVersion + " -X " + v + ".Tag=" + DaggerVersion
	return build{"Dagger " + DaggerVersion + " " + cmd, takes, "engine", []string{"-ldflags", flags, "github.com/dagger/dagger/cmd/" + cmd}, out}
}

// makeBinaries builds what the cache lacks and returns the folder, whose name
// is a digest of everything that is pinned.
func makeBinaries(ctx context.Context, testenv string, withEngine bool, log *Log) (Binaries, error) {
	key, err := pins(testenv)
	if err != nil {
		return "", err
	}
	dir := Binaries(filepath.Join(cacheDir, "bin-"+key))
	if err := os.MkdirAll(dir.path("cni"), 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	for _, b := range builds(withEngine) {
		if err := b.run(ctx, testenv, dir, log); err != nil {
			return "", err
		}
	}
	if err := installContainerd(ctx, dir, log); err != nil {
		return "", err
	}
	return dir, dir.links()
}

func (b build) run(ctx context.Context, testenv string, dir Binaries, log *Log) error {
	if exists(dir.path(b.out)) {
		return nil
	}
	// Named only when complete, so that a build that was killed is built again.
	part := dir.path(b.out + ".part")
	args := append([]string{"build", "-trimpath", "-o", part}, b.args...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Join(testenv, b.module)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly -buildvcs=false", "GOWORK=off")
	if err := log.Run("build "+b.what+" (first time: about "+b.takes+" on two cores)", cmd); err != nil {
		return err
	}
	return os.Rename(part, dir.path(b.out))
}

// installContainerd builds the container runtime: Debian's is too old for this
// Kubernetes, and its module builds on its own.
func installContainerd(ctx context.Context, dir Binaries, log *Log) error {
	if exists(dir.path("containerd-shim-runc-v2")) {
		return nil
	}
	part := dir.path("containerd.part")
	module := "github.com/containerd/containerd/v2/cmd/"
	cmd := exec.CommandContext(ctx, "go", "install", "-trimpath", "-tags", "no_btrfs no_devmapper no_zfs", "-ldflags", "-s -w",
		module+"containerd@"+containerdVersion, module+"containerd-shim-runc-v2@"+containerdVersion)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOBIN="+part)
	if err := log.Run("build containerd "+containerdVersion+" (first time: about 2 min on two cores)", cmd); err != nil {
		return err
	}
	for _, name := range []string{"containerd", "containerd-shim-runc-v2"} {
		if err := os.Rename(filepath.Join(part, name), dir.path(name)); err != nil {
			return err
		}
	}
	return os.Remove(part)
}

// links gives the multi-call binary its names and puts Debian's CNI plugins
// beside the engine's, since both are looked for in one folder.
func (b Binaries) links() error {
	var errs []error
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"} {
		errs = append(errs, link("cluster", b.path(name)))
	}
	plugins, err := filepath.Glob("/usr/lib/cni/*")
	errs = append(errs, err)
	for _, p := range plugins {
		errs = append(errs, link(p, b.path(filepath.Join("cni", filepath.Base(p)))))
	}
	return errors.Join(errs...)
}

// pins digests everything that decides what the builds give.
func pins(testenv string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.GOOS, runtime.GOARCH, DaggerVersion, kubernetesVersion, containerdVersion)
	for _, module := range []string{"engine", "cluster"} {
		for _, pattern := range []string{"go.mod", "go.sum", "*.go", "*/*.go"} {
			files, err := filepath.Glob(filepath.Join(testenv, module, pattern))
			if err != nil {
				return "", err
			}
			for _, f := range files {
				if err := digest(h, f); err != nil {
					return "", err
				}
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}

func digest(h io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	fmt.Fprintln(h, filepath.Base(path))
	_, err = io.Copy(h, f)
	return err
}

// sources finds the folder testenv of the checkout that `up` runs in: what it
// builds are modules of its own, which a program cannot carry with it.
func sources() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output() //nolint:noctx // it answers at once
	if err != nil {
		return "", fmt.Errorf("ask go for the module: %w", err)
	}
	dir := filepath.Join(filepath.Dir(strings.TrimSpace(string(out))), "testenv")
	if !exists(filepath.Join(dir, "cluster", "go.mod")) {
		return "", &Hint{errors.New("the sandbox is built from a checkout of Slipway, and this folder is not in one"), "cd into the checkout and run `go run ./testenv up`"}
	}
	return dir, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

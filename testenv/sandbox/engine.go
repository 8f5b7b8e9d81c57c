package sandbox

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// DaggerVersion is that of the engine, the CLI and the SDK alike.
const DaggerVersion = "v0.18.12"

// engine is the Dagger engine, with the mirror in place of public registries.
func engine(bins Binaries) part {
	config := `# Written by testenv.
[worker.oci]
  gc = true
  maxUsedSpace = "30GB"
[registry."docker.io"]
  mirrors = ["` + Registry + `"]
[registry."gcr.io"]
  mirrors = ["` + Registry + `"]
[registry."` + Registry + `"]
  http = true
`
	return part{
		name: "dagger-engine",
		args: []string{bins.path("dagger-engine"), "--config", statePath("engine.toml"),
			"--root", engineRoot, "--addr", "unix://" + engineSocket,
			"--oci-cni-binary-dir", bins.path("cni"), "--network-cidr", engineNet},
		env: []string{"DO_NOT_TRACK=1"},
		// It bind-mounts /etc/resolv.conf to point at its own DNS server.
		mounts: true,
		prepare: func() error {
			runc, err := exec.LookPath("runc")
			if err != nil {
				return err
			}
			return errors.Join(
				killNamed("dnsmasq"),
				write(statePath("engine.toml"), config),
				os.MkdirAll(engineRunDir, 0o755),
				link(runc, filepath.Join(engineRunDir, "runc")),
				link(bins.path("dagger-init"), filepath.Join(engineRunDir, "dagger-init")))
		},
		ready: engineReady,
		facts: "unix://" + engineSocket,
	}
}

// killNamed kills all processes of the box with that name. An engine that was
// killed leaves its DNS server, which holds the port that the next one needs.
func killNamed(name string) error {
	files, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return err
	}
	for _, f := range files {
		comm, err := os.ReadFile(f)
		if err != nil || strings.TrimSpace(string(comm)) != name {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err != nil {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// engineRoot holds the engine's layers: a cache, kept when the sandbox goes.
const engineRoot = cacheDir + "/engine"

// engineReady asks the engine's gRPC server for a page. That it refuses in
// HTTP/2 means that it serves.
func engineReady(ctx context.Context) error {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		Protocols:         unencryptedHTTP2(),
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", engineSocket)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine/", nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

func unencryptedHTTP2() *http.Protocols {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	return p
}

// link makes name a symbolic link to target, whatever it was before.
func link(target, name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Symlink(target, name)
}

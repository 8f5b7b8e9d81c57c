package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	"github.com/teei/slipway/testenv/testenv"
)

// tracked is a file of this repository, for the archive of a module.
type tracked struct{ root, path string }

func (f tracked) Path() string                 { return f.path }
func (f tracked) Lstat() (os.FileInfo, error)  { return os.Lstat(filepath.Join(f.root, f.path)) }
func (f tracked) Open() (io.ReadCloser, error) { return os.Open(filepath.Join(f.root, f.path)) }

// publish makes a module proxy that serves this repository as it is, in a
// version of its own, and returns its address.
func publish(t *testing.T) (proxy string, m module.Version) {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	listed, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatal(err)
	}
	var files []zip.File
	for _, name := range strings.Split(strings.TrimSuffix(string(listed), "\x00"), "\x00") {
		if _, err := os.Lstat(filepath.Join(root, name)); err == nil { // else deleted, and not yet committed
			files = append(files, tracked{root, name})
		}
	}
	random := make([]byte, 6)
	_, _ = rand.Read(random)
	now := time.Now().UTC()
	m = module.Version{Path: "github.com/teei/slipway", Version: "v0.0.0-" + now.Format("20060102150405") + "-" + hex.EncodeToString(random)}
	proxy = t.TempDir()
	base := filepath.Join(proxy, m.Path, "@v", m.Version)
	if err := os.MkdirAll(filepath.Dir(base), 0o755); err != nil {
		t.Fatal(err)
	}
	archive, err := os.Create(base + ".zip")
	if err != nil {
		t.Fatal(err)
	}
	if err := zip.Create(archive, m, files); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := json.Marshal(map[string]any{"Version": m.Version, "Time": now})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(filepath.Dir(base), "list")
	for name, data := range map[string][]byte{base + ".mod": gomod, base + ".info": info, list: []byte(m.Version + "\n")} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return "file://" + proxy, m
}

// unpublish takes a version out of the module cache, where its files are read-only.
func unpublish(t *testing.T, m module.Version) {
	cache, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	folder := strings.TrimSpace(string(cache))
	t.Cleanup(func() {
		kept, _ := filepath.Glob(filepath.Join(folder, "cache/download", m.Path, "@v", m.Version+".*"))
		for _, path := range append(kept, filepath.Join(folder, m.Path+"@"+m.Version)) {
			if out, err := exec.Command("chmod", "-R", "u+w", path).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
			if err := os.RemoveAll(path); err != nil {
				t.Error(err)
			}
		}
	})
}

// Another team has nothing of this repository but its name and a version.
func TestRunByVersion(t *testing.T) {
	t.Parallel()
	testenv.Env(t)
	proxy, m := publish(t)
	unpublish(t, m)
	root := another(t)
	cmd := exec.CommandContext(t.Context(), "go", "run", m.Path+"/ci@"+m.Version, "check", "--root", root, "--output", filepath.Join(root, ".slipway"))
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOPROXY="+proxy+","+goproxy(t), "GONOSUMDB="+m.Path, "GOFLAGS=-mod=mod", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"✓ test", "✓ lint"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func goproxy(t *testing.T) string {
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

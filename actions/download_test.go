package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// published is what a release published, and a runner that uses its actions. The
// program is a script that says what it was given, and what signal it got, which
// it can before it speaks.
type published struct {
	*testing.T
	dir   string
	asked atomic.Int32 // how often the asset was downloaded
	tools string       // folder with all that a runner has
}

const program = "#!/bin/sh\ntrap 'echo told; exit 7' INT\necho \"released $$ $*\"\n[ \"$1\" != wait ] || while :; do sleep 0.1; done\n"

func publish(t *testing.T, asset, checksum string) *published {
	t.Helper()
	p := &published{T: t, dir: t.TempDir(), tools: t.TempDir()}
	name := "slipway-linux-" + runtime.GOARCH
	// As GitHub does, it sends on to where the file lies.
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Host == "github.com" && r.URL.Path == "/teei/slipway/releases/download/v1.2.3/"+name && asset != "":
			http.Redirect(w, r, "https://assets.example/"+name, http.StatusFound)
		case r.Host == "assets.example":
			p.asked.Add(1)
			fmt.Fprint(w, asset)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	port := server.URL[strings.LastIndex(server.URL, ":")+1:]
	script := read(t, "slipway.sh")
	for file, text := range map[string]string{
		"actions/slipway.sh": script, "actions/slipway.version": "v1.2.3\n", "actions/checksums.txt": checksum + "  " + name + "\n",
		".curlrc": "connect-to = \"::127.0.0.1:" + port + "\"\ninsecure\n",
	} {
		file = filepath.Join(p.dir, file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tool := range []string{"bash", "sh", "curl", "sha256sum", "grep", "cut", "mkdir", "mktemp", "mv", "rm", "chmod", "uname", "dirname", "sleep"} {
		found, err := exec.LookPath(tool)
		if err == nil {
			err = os.Symlink(found, filepath.Join(p.tools, tool))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *published) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(p.Context(), filepath.Join(p.dir, "actions", "slipway.sh"), args...)
	cmd.Env = []string{"PATH=" + p.tools, "CURL_HOME=" + p.dir, "RUNNER_TOOL_CACHE=" + filepath.Join(p.dir, "cache")}
	return cmd
}

func (p *published) run(want int, args ...string) string {
	p.Helper()
	cmd := p.command(args...)
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != want {
		p.Errorf("exit code %d, want %d\n%s", code, want, out)
	}
	return string(out)
}

func checksum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// TestReleasedBinary: the actions take the binary of their version from the
// release, once, and become it.
func TestReleasedBinary(t *testing.T) {
	t.Parallel()
	p := publish(t, program, checksum(program))
	for range 2 {
		if out := p.run(0, "plan", "--env", "a b"); !strings.HasPrefix(out, "released ") || !strings.HasSuffix(out, " plan --env a b\n") {
			t.Errorf("it says %q", out)
		}
	}
	if n := p.asked.Load(); n != 1 {
		t.Errorf("downloaded %d times", n)
	}
	// A runner signals only the process that it started: that has to be the binary.
	cmd := p.command("wait")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscanf(out, "released %d wait\n", &pid); err != nil || pid != cmd.Process.Pid {
		t.Errorf("process %d, and %d was started: %v", pid, cmd.Process.Pid, err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("it ended with %s", cmd.ProcessState)
	}
}

// TestBinaryThatIsNotTheReleased is never run, and not kept for the next step.
func TestBinaryThatIsNotTheReleased(t *testing.T) {
	t.Parallel()
	p := publish(t, program+"echo and more\n", checksum(program))
	for range 2 {
		if out := p.run(3, "plan"); !strings.Contains(out, "is not the file that was released: its checksum differs") || strings.Contains(out, "released 1") {
			t.Errorf("it says %q", out)
		}
	}
	if n := p.asked.Load(); n != 2 {
		t.Errorf("downloaded %d times", n)
	}
	if left, _ := filepath.Glob(filepath.Join(p.dir, "cache", "slipway", "*", "*", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestNoReleasedBinary: what was not published is built, and where there is no Go
// either, the error says what to do.
func TestNoReleasedBinary(t *testing.T) {
	t.Parallel()
	p := publish(t, "", checksum(program))
	if out := p.run(3, "plan"); !strings.Contains(out, "could not be downloaded, and there is no Go") || !strings.Contains(out, "hint: ") {
		t.Errorf("it says %q", out)
	}
	compiler := "#!/bin/sh\nwhile [ \"$1\" != -o ]; do shift; done\nprintf '#!/bin/sh\\necho built from %s' \"$3\" > \"$2\"\n"
	if err := os.WriteFile(filepath.Join(p.tools, "go"), []byte(compiler), 0o755); err != nil {
		t.Fatal(err)
	}
	if out := p.run(0, "plan"); !strings.HasSuffix(out, "built from ./actions\n") {
		t.Errorf("it says %q", out)
	}
}

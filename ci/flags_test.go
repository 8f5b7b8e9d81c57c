package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/testenv/testenv"
)

// One at a time, on standard output nothing but the report, and a check that
// takes longer than slipway.yaml allows.
func TestOneJobAndAReportAsJSON(t *testing.T) {
	testenv.Dagger(t)
	c, folder := tiny(t), t.TempDir()
	replace(t, c.root, "slipway.yaml", `test: {run: "true"}`, "test: {run: sleep infinity, timeout: 2s}\n  lint: {run: echo fine}\n  build: {run: echo built}")
	var stdout, stderr bytes.Buffer
	code := Main(t.Context(), []string{"check", "--jobs", "1", "--json", "--root", c.root, "--output", folder}, os.Getenv, &stdout, &stderr)
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	written, err := os.ReadFile(filepath.Join(folder, "report.json"))
	if err != nil || !bytes.Equal(bytes.TrimSpace(written), bytes.TrimSpace(stdout.Bytes())) {
		t.Errorf("printed\n%s\nwritten\n%s\n%v", &stdout, written, err)
	}
	r := readReport(t, folder)
	if got := statuses(r); got != "test failed, lint passed, build passed" {
		t.Errorf("%s\n%s", got, &stderr)
	}
	f := r.Failures()
	if len(f) != 1 || f[0].Error != "test took longer than 2s" || !strings.Contains(f[0].Hint, "timeout in slipway.yaml") {
		t.Errorf("%+v", f)
	}
	running := 0
	for line := range strings.Lines(stderr.String()) {
		switch mark, _, _ := strings.Cut(line, " "); mark {
		case "·":
			running++
		case "✓", "✗":
			running--
		}
		if running > 1 {
			t.Fatalf("two at a time:\n%s", &stderr)
		}
	}
}

// doctor says what answers, and of what does not what to do.
func TestDoctor(t *testing.T) {
	t.Parallel()
	c := tiny(t)
	code, output, _ := c.launch(t, "doctor").ends(soon)
	if code != exitFine || strings.Contains(output, "✗") {
		t.Errorf("exit code %d\n%s", code, output)
	}
	for _, what := range []string{"slipway.yaml", "git", "Dagger engine", "registry", "cluster", "database"} {
		if !strings.Contains(output, "✓ "+what+" ") {
			t.Errorf("%s is not asked:\n%s", what, output)
		}
	}
	unreachable(t, &c)
	code, output, _ = c.launch(t, "doctor").ends(soon)
	_, after, found := strings.Cut(output, "✗ database ")
	if code != exitInfrastructure || !found || !strings.Contains(after, "hint: ") || strings.Count(output, "✗") != 1 {
		t.Errorf("exit code %d\n%s", code, output)
	}
}

// A registry that takes connections and says nothing is not waited for.
func TestDoctorOfASilentRegistry(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	s := registrySymptom(ctx, silent.Addr().String()+"/teei")
	if ctx.Err() != nil || s.err == nil || !strings.Contains(s.err.Error(), silent.Addr().String()+"/teei does not answer: no answer in 5s") || hint(s.err) == "" {
		t.Errorf("found %v, %v", s.err, ctx.Err())
	}
}

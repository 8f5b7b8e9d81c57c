package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/testenv/testenv"
)

// another copies the second sample: npm, a Dockerfile a service, plain
// manifests, PostgreSQL only.
func another(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS("testdata/other-team")); err != nil {
		t.Fatal(err)
	}
	return root
}

func run(t *testing.T, args ...string) (code int, output string, r report.Report) {
	t.Helper()
	var out bytes.Buffer
	folder := t.TempDir()
	code = Main(t.Context(), append(args, "--output", folder), os.Getenv, &out, &out)
	return code, out.String(), readReport(t, folder)
}

func TestAnotherTeamsChecks(t *testing.T) {
	testenv.Dagger(t)
	root := another(t)
	code, output, r := run(t, "check", "--root", root)
	if code != exitFine || len(r.Stages) == 0 {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	if got := statuses(r); got != "test passed, lint passed, build passed" {
		t.Errorf("%s\n%s", got, output)
	}

	// One broken check does not hide the others, and says how to repeat it.
	file := filepath.Join(root, "slipway.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(text), "run: npm run lint", "run: echo the last words; exit 7", 1)
	if broken == string(text) {
		t.Fatal("the sample has no lint to break")
	}
	if err := os.WriteFile(file, []byte(broken), 0o644); err != nil {
		t.Fatal(err)
	}
	code, output, r = run(t, "check", "--root", root)
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"the last words", "exit code 7", "ci lint"} {
		if !strings.Contains(output, want) {
			t.Errorf("%q is not said:\n%s", want, output)
		}
	}
	if got := statuses(r); got != "test passed, lint failed, build passed" {
		t.Errorf("%s\n%s", got, output)
	}
}

// statuses of the checks that the platform has, in their order.
func statuses(r report.Report) string {
	var list []string
	for _, s := range r.Stages {
		if s.Status != report.Skipped {
			list = append(list, s.Name+" "+string(s.Status))
		}
	}
	return strings.Join(list, ", ")
}

func TestNoEngineIsAnInfrastructureError(t *testing.T) {
	t.Setenv(runnerHost, "unix://"+filepath.Join(t.TempDir(), "nobody.sock"))
	t.Setenv("DAGGER_SESSION_PORT", "")
	code, output, _ := run(t, "check", "--root", another(t))
	if code != exitInfrastructure || !strings.Contains(output, "does not answer") {
		t.Errorf("exit code %d\n%s", code, output)
	}
}

// Neither a sandbox nor an address nor a Docker: all three are named.
func TestNoWayToAnEngine(t *testing.T) {
	t.Setenv(runnerHost, "")
	t.Setenv(cliBin, "")
	t.Setenv("PATH", t.TempDir())
	_, err := findEngine(t.Context(), filepath.Join(t.TempDir(), "env"), false)
	if exitCode(err) != exitInfrastructure {
		t.Fatalf("%v", err)
	}
	for text, wants := range map[string][]string{
		err.Error(): {"no sandbox is up", runnerHost + " is not set", "no Docker answers"},
		hint(err):   {"go run ./testenv up", "start Docker"},
	} {
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%q does not say %q", text, want)
			}
		}
	}
}

// The CLI of a sandbox without an engine of its own starts one through Docker.
func TestEngineThroughDocker(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "docker"), []byte("#!/bin/sh\n[ \"$*\" = info ]\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	env := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(env, []byte(cliBin+"=/cache/dagger\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(runnerHost, "")
	t.Setenv(cliBin, "")
	t.Setenv("PATH", bin)
	if cli, err := findEngine(t.Context(), env, false); err != nil || cli != "/cache/dagger" {
		t.Errorf("%q, %v", cli, err)
	}
}

// With --fail-fast a check that fails ends those that would go on for ever.
func TestFailFast(t *testing.T) {
	t.Parallel()
	c, b := tiny(t), newBeacon(t)
	replace(t, c.root, "slipway.yaml", `test: {run: "true"}`, "test: {run: "+strconv.Quote(b.hold())+"}\n  lint: {run: exit 7}")
	p := launch(t, nil, "check", "--fail-fast", "--root", c.root)
	code, output, r := p.ends(2 * time.Minute)
	if got := statuses(r); code != exitFailed || got != "test cancelled, lint failed" {
		t.Errorf("exit code %d, %s\n%s", code, got, output)
	}
	if f := r.Failures(); len(f) != 1 || f[0].Error != "lint failed with exit code 7" {
		t.Errorf("%+v", f)
	}
}

package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/teei/slipway/testenv/testenv"
)

// underDagger starts ci as README says: inside of dagger run, whose session it finds.
func underDagger(t *testing.T, c corner, args ...string) *process {
	t.Helper()
	env := append([]string{"DO_NOT_TRACK=1", "DAGGER_NO_NAG=1"}, c.env...)
	values := testenv.Env(t)
	for _, name := range []string{runnerHost, cliBin} {
		env = append(env, name+"="+values[name])
	}
	around := []string{values[cliBin], "run", "--progress=plain", "--cleanup-timeout=2m", "ci"}
	return start(t, t.TempDir(), env, append(around, append(args, "--root", c.root, "--env", c.environment)...))
}

// A check is part of the session around it, and opens none of its own.
func TestCheckUnderDaggerRun(t *testing.T) {
	t.Parallel()
	c := tiny(t)
	p := underDagger(t, c, "check")
	code, output, r := p.ends(2 * time.Minute)
	if got := statuses(r); code != exitFine || got != "test passed" {
		t.Errorf("exit code %d, %s\n%s", code, got, output)
	}
	if _, err := os.Stat(filepath.Join(p.folder, "dagger.log")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it opened a session of its own: %v", err)
	}
}

// Ctrl-C in a terminal reaches dagger run as well, which ends its session at
// once. What a release changed is taken back in one that is ours.
func TestInterruptedDeployUnderDaggerRun(t *testing.T) {
	t.Parallel()
	c, b := tiny(t), newBeacon(t)
	if code, output, _ := underDagger(t, c, "images", "deploy").ends(3 * time.Minute); code != exitFine {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	before := c.runs(t)
	name, port := b.address()
	replace(t, c.root, "deploy/web.yaml", "require('http')", "require('net').connect("+port+", '"+name+"'); require('http')")
	replace(t, c.root, "deploy/web.yaml", "listen(8080)", "listen(9090)")
	p := underDagger(t, c, "images", "deploy")
	out := b.lit(p)
	if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	code, output, r := p.ends(3 * time.Minute)
	out(soon)
	if got := statuses(r); code == exitFine || got != "images passed, deploy cancelled" {
		t.Errorf("exit code %d, %s\n%s", code, got, output)
	}
	if after := c.runs(t); after != before {
		t.Errorf("runs %s, ran %s\n%s", after, before, output)
	}
}

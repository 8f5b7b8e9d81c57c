package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/testenv/testenv"
)

// The copy of a record in the folder of its run is as new as the ledger, for
// each command that writes one: a run may be killed, and the cluster may be away.
func TestCopiesOfRecords(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	copied := func(folder, number string, want ledger.State) *ledger.Record {
		t.Helper()
		r, err := ledger.ReadFile(filepath.Join(c.dir, folder, "release-00000"+number+".json"))
		if err != nil || r.State != want || r.Environment != c.environment {
			t.Fatalf("the copy of release %s is %+v, %v; want %s", number, r, err, want)
		}
		return r
	}
	c.release("old")
	copied(".slipway/record", "1", ledger.Released)

	cmd := c.begin("new", "false", "0", "--out", "copies")
	killed := copied("copies", "2", ledger.Running)
	if last := killed.Steps[len(killed.Steps)-1]; last.Name != "web" || last.Ended != nil {
		t.Errorf("it does not say what was under way: %+v", killed.Steps)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	c.slipway(0, "rollback", "--unfinished", "--out", "back")
	copied("back", "2", ledger.Failed)

	c.slipway(0, "watch", "--out", "watched")
	if r := copied("watched", "1", ledger.Released); r.Watch == nil || r.Watch.Looks != 1 {
		t.Errorf("the watch's look is not in the copy: %+v", r.Watch)
	}
	if out := c.slipway(0, "watch", "--out", "/proc/nowhere"); strings.Count(out, "! the copy of "+c.environment+" #1 is lost") != 1 {
		t.Errorf("a folder that cannot be written: %s", out)
	}
}

// begin plans a version that becomes healthy slowly, in seconds, or not at all,
// and waits until its release has written the Deployment.
func (c *checkout) begin(version, ready, slow string, flags ...string) *exec.Cmd {
	c.Helper()
	c.write("deploy.yaml", strings.NewReplacer("$version", version, "READY", ready, "SLOW", slow).Replace(cancelledManifest))
	c.slipway(0, "plan", "--images", "images.json")
	cmd := c.command(append([]string{"apply", "--approval", approvalIn(c.T, filepath.Join(c.dir, "outputs"))}, flags...)...)
	if err := cmd.Start(); err != nil {
		c.Fatal(err)
	}
	testenv.Kubectl(c, "--namespace", c.namespace, "wait", "--for=jsonpath={.spec.template.spec.containers[0].env[0].value}="+version, "--timeout=60s", "deployment/web")
	return cmd
}

// TestEndedByTERM: nobody at a terminal and no runner of GitHub, but a supervisor
// that asks once and kills later.
func TestEndedByTERM(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	c.release("old")
	cmd := c.begin("new", "false", "0")
	began := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if took := time.Since(began); took > 10*time.Second || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("it ended after %s with %s", took, cmd.ProcessState)
	}
	record, err := ledger.ReadFile(filepath.Join(c.dir, ".slipway", "record", "release-000002.json"))
	if err != nil || record.State != ledger.Failed || c.version() != "old" {
		t.Errorf("%+v, %v; version %s runs", record, err, c.version())
	}
	c.release("newer") // the lock is free
}

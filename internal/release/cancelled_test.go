package release

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
	"github.com/teei/slipway/testenv/testenv"
)

// TestCancelledRollback: the service that goes back does so to its end and is
// verified, no other is begun, and another run goes on.
func TestCancelledRollback(t *testing.T) {
	t.Parallel()
	s := newPods(t, mortal(t))
	s.services, s.more = services, []string{"--deadline", "2m"}
	s.standing("old", "new")
	s.points()
	plain := s.more
	s.more = append([]string{"--grace", "2m"}, plain...) // nobody waits for it: a service that is back ends the run
	cancelled := s.stopped("after apply Deployment/"+s.namespace+"/"+services[2], "new", "rollback")
	out, _ := cancelled.goOn(syscall.SIGTERM)
	if cancelled.ProcessState.ExitCode() != 1 || !strings.Contains(out, "there was no time to take back") {
		t.Errorf("%s\n%s", cancelled.ProcessState, out)
	}
	left := s.unfinished()
	if left == nil || left.Number != 3 {
		t.Fatalf("%+v\n%s", left, out)
	}
	if step := stepOf(left, rollout.TakeBack+" "+services[2]); step == nil || step.Ended == nil || step.Error != "" {
		t.Errorf("the service that was under way: %+v", left.Steps)
	}
	if step := stepOf(left, rollout.TakeBack+" "+services[1]); step != nil || s.passed("apply Deployment/"+s.namespace+"/"+services[1]) > 0 {
		t.Errorf("another one was begun: %+v", left.Steps)
	}
	s.unlocked()
	s.more = plain
	s.must("old", "resume")
	s.back()
	s.entirely("old", ledger.Released)
	record, err := s.ledger.Release(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range record.Steps {
		if step.Ended == nil || step.Error != "" {
			t.Errorf("a rollback that is over has the step %+v", step)
		}
	}
}

// TestCancelledInAHook: a hook that runs when its release is cancelled, and that
// does not listen, is ended, and the release with it before a runner would kill
// it: taken back, or left to who goes on.
func TestCancelledInAHook(t *testing.T) {
	t.Parallel()
	releaser := mortal(t)
	for _, tt := range []struct {
		name, hook, grace string
		state             ledger.State
	}{
		{"before its service", "before", "6s", ledger.Failed},
		{"after its service", "after", "6s", ledger.Failed},
		{"after it, and nothing goes back in time", "after", "1ms", ledger.Running},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newPods(t, releaser).standing("old")
			plain := s.more
			s.more = append([]string{"--" + tt.hook, "sleep 50", "--grace", tt.grace}, plain[4:]...)
			var out strings.Builder
			cmd := s.command(0, "new", "run")
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			job := "slipway-hook-" + tt.hook + "-" + services[0]
			testenv.Kubectl(t, "--namespace", s.namespace, "wait", "--for=create", "job/"+job, "--timeout=120s")
			testenv.Kubectl(t, "--namespace", s.namespace, "wait", "--for=jsonpath={.status.ready}=1", "job/"+job, "--timeout=120s")
			start := time.Now()
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 1 || time.Since(start) > 10*time.Second {
				t.Errorf("%s after %s\n%s", cmd.ProcessState, time.Since(start), out.String())
			}
			record, err := s.ledger.Release(t.Context(), 2)
			// A machine that is too busy to take it back in 6 s leaves it.
			slow := err == nil && record != nil && tt.state == ledger.Failed && record.State == ledger.Running
			if err != nil || record == nil || record.State != tt.state && !slow {
				t.Fatalf("%+v, %v, want %s\n%s", record, err, tt.state, out.String())
			}
			if step := stepOf(record, services[0]); step == nil || step.Ended == nil || !strings.Contains(step.Error, job) {
				t.Errorf("the record does not say in what it was cancelled: %+v", record.Steps)
			}
			s.unlocked()
			s.more = plain
			if record.State == ledger.Failed {
				s.entirely("old", ledger.Failed)
				return
			}
			s.must("old", "resume")
			s.stand = append(s.stand, "new")
			s.entirely("new", ledger.Released)
		})
	}
}

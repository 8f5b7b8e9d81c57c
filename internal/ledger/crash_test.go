package ledger

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
)

// releaseThing is a whole release of one object, longer than a renewal.
func releaseThing(t *testing.T, l *Ledger) {
	k := take(t, l)
	e, err := l.Add(t.Context(), Record{Fence: k.Fence})
	if err != nil {
		t.Fatal(err)
	}
	apply := func() error {
		time.Sleep(lease) // so that the lock is renewed meanwhile
		_, err := l.cluster.Apply(t.Context(), thing(l, "new"), kube.ApplyOptions{})
		return err
	}
	for _, act := range []func() error{
		func() error { return e.Begin(t.Context(), "thing", "old") },
		apply,
		func() error { return e.End(t.Context(), "thing", nil) },
		func() error { return e.Close(t.Context(), Released, "") },
		func() error { return k.Release(t.Context()) },
	} {
		if err := act(); err != nil {
			t.Fatal(err)
		}
	}
}

// releaseUntil runs it in a process that dies at a point; 0 is none. It
// returns the points that were passed.
func releaseUntil(t *testing.T, program string, l *Ledger, at int) []string {
	t.Helper()
	return roleUntil(t, program, l, "release", at)
}

// roleUntil is releaseUntil for another role.
func roleUntil(t *testing.T, program string, l *Ledger, role string, at int) []string {
	t.Helper()
	list := filepath.Join(t.TempDir(), "points")
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, program, "-test.run=^TestRole$")
	cmd.Env = append(os.Environ(), "LEDGER_TEST_ROLE="+role, "LEDGER_TEST_ENVIRONMENT="+l.Environment,
		"SLIPWAY_CRASH_LIST="+list, "SLIPWAY_CRASH_AT="+strconv.Itoa(at))
	out, err := cmd.CombinedOutput()
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if killed := status.Signaled() && status.Signal() == syscall.SIGKILL; ctx.Err() != nil || killed != (at > 0) || err != nil && !killed {
		t.Fatalf("at point %d: %v\n%s", at, err, out)
	}
	points, err := os.ReadFile(list)
	if err != nil && !os.IsNotExist(err) { // it passed none
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(strings.ReplaceAll(string(points), l.Namespace, "NS")), "\n")
}

// Whatever write the process dies before or after, the next one gets the lock,
// reads all records, and knows of each change that may have been made.
func TestDeathAtEveryPoint(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "ledger.test")
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-tags", "crash", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	points := releaseUntil(t, program, open(t), 0)
	if len(points) < 14 {
		t.Fatalf("only %d points: %v", len(points), points)
	}
	for i, point := range points {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			l := open(t)
			if passed := releaseUntil(t, program, l, i+1); strings.Join(passed, ",") != strings.Join(points[:i+1], ",") {
				t.Errorf("other points than before: %v", passed)
			}
			next := acquire(t, l, "tom")
			defer next.Release(kubetest.Context(t))
			whole(t, l, next)
		})
	}
}

func whole(t *testing.T, l *Ledger, next *Lock) {
	t.Helper()
	records, err := l.Releases(t.Context())
	if err != nil || len(records) > 1 {
		t.Fatalf("%+v, %v", records, err)
	}
	live, err := l.cluster.Read(t.Context(), thing(l, ""))
	if err != nil {
		t.Fatal(err)
	}
	changed := live != nil
	switch {
	case len(records) == 0 && changed:
		t.Error("it was changed, and no record says so")
	case len(records) == 0:
	case records[0].State == Released && !changed:
		t.Error("the record says that it was released, and it was not")
	case changed && len(records[0].Steps) == 0:
		t.Error("it was changed by a step that was not recorded")
	case len(records[0].Steps) > 0:
		var before string
		if err := l.Before(t.Context(), records[0].Steps[0], &before); err != nil || before != "old" {
			t.Errorf("before the step: %q, %v", before, err)
		}
	}
	if len(records) > 0 && records[0].State == Running {
		if e, err := l.Take(t.Context(), records[0].Number, next.Fence); err != nil || e.Close(t.Context(), Failed, "") != nil {
			t.Errorf("take it over: %v", err)
		}
	}
	e, err := l.Add(t.Context(), Record{Fence: next.Fence})
	if err != nil || e.Record.Number != len(records)+1 {
		t.Errorf("the next release: %+v, %v", e, err)
	}
}

package ledger

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/testenv"
)

// older is a ledger as older versions kept it: no mark, no platform in the records,
// and one for all platforms.
func older(t *testing.T, environment string) *Ledger {
	t.Helper()
	l := &Ledger{Environment: environment, Namespace: formerName(environment), cluster: kubetest.Cluster(t)}
	l.checked.Store(true)
	l.alone.Store(true)
	if err := l.cluster.EnsureNamespace(t.Context(), l.Namespace); err != nil {
		t.Fatal(err)
	}
	return l
}

// releases makes one of the namespace, with how its object was.
func (l *Ledger) releases(t *testing.T, namespace string, state State) *Record {
	t.Helper()
	lock := take(t, l)
	e, err := l.Add(t.Context(), Record{By: Holder{Person: "mara"}, Fence: lock.Fence, Objects: []Touched{{ID: "Deployment/" + namespace + "/web", APIVersion: "apps/v1"}}})
	if err == nil {
		err = e.Begin(t.Context(), "web", "as it was")
	}
	if err == nil && state.Finished() {
		err = errors.Join(e.End(t.Context(), "web", nil), e.Close(t.Context(), state, "fine"))
	}
	if err = errors.Join(err, lock.Release(t.Context())); err != nil {
		t.Fatal(err)
	}
	return e.Record
}

func owner(environment string) platform.Owner {
	return platform.Owner{Platform: "shop", Environment: environment, Namespace: "shop"}
}

// moved is a ledger that has all that the older one had.
func moved(t *testing.T, old *Ledger, hash string, records int) {
	t.Helper()
	l, err := Open(kubetest.Cluster(t), owner(old.Environment))
	if err != nil {
		t.Fatal(err)
	}
	found, err := l.Releases(t.Context())
	if err != nil || len(found) != records {
		t.Fatalf("%d records, %v", len(found), err)
	}
	for _, r := range found {
		var before string
		if err := l.Before(t.Context(), r.Steps[0], &before); err != nil || before != "as it was" {
			t.Errorf("before #%d: %q, %v", r.Number, before, err)
		}
	}
	if h, err := l.Hasher(t.Context()); err != nil || h.Hash("x", "y") != hash {
		t.Errorf("another key: %v", err)
	}
	next := acquire(t, l, "tom")
	defer next.Release(kubetest.Context(t))
	if next.Fence <= found[0].Fence {
		t.Errorf("run %d comes after run %d, whose number objects carry", next.Fence, found[0].Fence)
	}
	if e, err := l.Add(t.Context(), Record{Fence: next.Fence}); err != nil || e.Record.Number != found[0].Number+1 {
		t.Errorf("the next release: %+v, %v", e, err)
	}
}

// What an older version recorded is not forgotten: nothing begins with #1 beside it,
// and a move brings all of it.
func TestMove(t *testing.T) {
	t.Parallel()
	old := older(t, testenv.Environment(t))
	hasher, err := old.Hasher(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		old.releases(t, "shop", Released)
	}
	c := kubetest.Cluster(t)
	l, err := Open(c, owner(old.Environment))
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func() error{
		"lock": func() error { _, err := l.Acquire(t.Context(), Holder{}, lease); return err },
		"list": func() error { _, err := l.Releases(t.Context()); return err },
		"read": func() error { _, err := l.Release(t.Context(), 1); return err },
		"hash": func() error { _, err := l.Hasher(t.Context()); return err },
	} {
		var former *FormerError
		if err := try(); !errors.As(err, &former) || former.Releases != 2 || former.Hint() != "move them: `slipway ledger move --env "+old.Environment+"`" {
			t.Errorf("%s: %v", name, err)
		}
	}
	m, err := PlanMove(t.Context(), c, owner(old.Environment), false)
	if err != nil || m.Done || len(m.Records) != 2 || m.Records[0].Number != 2 {
		t.Fatalf("%+v, %v", m, err)
	}
	if live, err := c.Read(t.Context(), namespaceNamed(l.Namespace, nil)); err != nil || live != nil {
		t.Fatalf("looking made %v, %v", live, err)
	}
	if err := m.Run(t.Context(), Holder{Person: "mara"}); err != nil {
		t.Fatal(err)
	}
	moved(t, old, hasher.Hash("x", "y"), 2)
	// What is missing in it is missing, though the old one has its records still.
	if r, err := l.Release(t.Context(), 99); err != nil || r != nil {
		t.Errorf("a release that there never was: %+v, %v", r, err)
	}
	if err := c.Delete(t.Context(), l.named("Secret", keySecret)); err != nil {
		t.Fatal(err)
	}
	if h, err := l.Hasher(t.Context()); err != nil || h == nil {
		t.Errorf("another key: %v", err)
	}
	if m, err = PlanMove(t.Context(), c, owner(old.Environment), false); err != nil || !m.Done {
		t.Errorf("again: %+v, %v", m, err)
	}
	// An older version goes no further, and says why.
	if _, err := old.Unfinished(t.Context()); !errors.As(err, new(*UnknownEndError)) || !strings.Contains(err.Error(), "were moved to "+l.Namespace) {
		t.Errorf("an older version: %v", err)
	}
	if found, err := kube.List[kube.Object](t.Context(), c, kube.ConfigMaps, old.Namespace, releaseLabel, ""); err != nil || len(found) != 3 {
		t.Errorf("the old ledger has %d objects, %v", len(found), err)
	}
}

// Nothing is moved that another platform may have written, that is under way, or
// where the environment has begun anew.
func TestMoveRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before func(t *testing.T, old *Ledger)
		says   string
	}{
		"nothing":          {func(*testing.T, *Ledger) {}, "there is nothing to move"},
		"another platform": {func(t *testing.T, old *Ledger) { old.releases(t, "blog", Released) }, "is of namespace blog, and platform shop"},
		"two platforms": {func(t *testing.T, old *Ledger) {
			old.releases(t, "shop", Released)
			old.releases(t, "blog", Released)
		}, "is of namespace blog"},
		"unfinished": {func(t *testing.T, old *Ledger) { old.releases(t, "shop", Running) }, "ended in the middle"},
		"locked": {func(t *testing.T, old *Ledger) {
			old.releases(t, "shop", Released)
			lock := take(t, old)
			t.Cleanup(func() { _ = lock.Release(kubetest.Context(t)) })
		}, "is being released by mara"},
		"begun anew": {func(t *testing.T, old *Ledger) {
			old.releases(t, "shop", Released)
			l, err := Open(kubetest.Cluster(t), owner(old.Environment))
			if err != nil {
				t.Fatal(err)
			}
			l.alone.Store(true)
			l.releases(t, "shop", Released)
		}, "has releases of its own already"},
		"a person's namespace": {func(t *testing.T, old *Ledger) {
			old.releases(t, "shop", Released)
			testenv.Kubectl(t, "create", "namespace", owner(old.Environment).Ledger())
			t.Cleanup(func() {
				_, _ = testenv.TryKubectl(t, "delete", "namespace", owner(old.Environment).Ledger(), "--wait=false")
			})
		}, "is not Slipway's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old := older(t, testenv.Environment(t))
			tt.before(t, old)
			m, err := PlanMove(t.Context(), kubetest.Cluster(t), owner(old.Environment), false)
			if err == nil {
				err = m.Run(t.Context(), Holder{Person: "tom"})
			}
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}

// A platform that never released does not wait for another's older ledger; of one
// that both used, each moves its own.
func TestOlderLedgerOfTwo(t *testing.T) {
	t.Parallel()
	old, c := older(t, testenv.Environment(t)), kubetest.Cluster(t)
	hasher, err := old.Hasher(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old.releases(t, "shop", Released)
	for _, namespace := range []string{"blog", "shop"} {
		of := platform.Owner{Platform: namespace, Environment: old.Environment, Namespace: namespace}
		l, err := Open(c, of)
		if err != nil {
			t.Fatal(err)
		}
		if records, err := l.Releases(t.Context()); (namespace == "blog") != (err == nil && len(records) == 0) {
			t.Errorf("%s: %v, %v", namespace, records, err)
		}
	}
	old.releases(t, "blog", Released)
	old.releases(t, "shop", Released)
	m, err := PlanMove(t.Context(), c, owner(old.Environment), true)
	if err == nil && (len(m.Records) != 2 || len(m.Others) != 1 || m.Others[0].Record.Number != 2 || !slices.Equal(m.Others[0].Namespaces, []string{"blog"})) {
		t.Fatalf("%+v", m)
	}
	if err == nil {
		err = m.Run(t.Context(), Holder{})
	}
	if err != nil {
		t.Fatal(err)
	}
	moved(t, old, hasher.Hash("x", "y"), 2)
	blog := platform.Owner{Platform: "blog", Environment: old.Environment, Namespace: "blog"}
	for _, done := range []bool{false, true} {
		m, err := PlanMove(t.Context(), c, blog, true)
		if err == nil && !done {
			err = m.Run(t.Context(), Holder{})
		}
		if err != nil || m.Done != done {
			t.Errorf("the other platform: %+v, %v", m, err)
		}
	}
}

// A move that dies at any point is repeated, and until it has ended nobody takes a
// part of the records for all of them.
func TestMoveDiesAtEveryPoint(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "ledger.test")
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-tags", "crash", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	prepare := func(t *testing.T) (*Ledger, string) {
		old := older(t, testenv.Environment(t))
		hasher, err := old.Hasher(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		old.releases(t, "shop", Released)
		return old, hasher.Hash("x", "y")
	}
	old, _ := prepare(t)
	points := roleUntil(t, program, old, "move", 0)
	if len(points) < 16 {
		t.Fatalf("only %d points: %v", len(points), points)
	}
	for i, point := range points {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			old, hash := prepare(t)
			roleUntil(t, program, old, "move", i+1)
			l, err := Open(kubetest.Cluster(t), owner(old.Environment))
			if err != nil {
				t.Fatal(err)
			}
			if records, err := l.Releases(t.Context()); err == nil && len(records) != 1 {
				t.Errorf("%d records count", len(records))
			} else if err != nil && !errors.As(err, new(*FormerError)) && !errors.As(err, new(*MovingError)) {
				t.Error(err)
			}
			roleUntil(t, program, old, "move", 0)
			moved(t, old, hash, 1)
		})
	}
}

// Until a move has ended an older version goes on, also after an attempt that died: what
// it writes then comes along.
func TestMoveAfterAnOlderVersionWrote(t *testing.T) {
	t.Parallel()
	old := older(t, testenv.Environment(t))
	hasher, err := old.Hasher(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old.releases(t, "shop", Released)
	c := kubetest.Cluster(t)
	m, err := PlanMove(t.Context(), c, owner(old.Environment), false)
	if err != nil {
		t.Fatal(err)
	}
	lock := take(t, old)
	m.To.alone.Store(true)
	for _, step := range []func(context.Context, *Lock) error{m.begin, m.key, m.kept, m.records} {
		if err := step(t.Context(), lock); err != nil {
			t.Fatal(err)
		}
	}
	if err := lock.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := func(r *Record) error { r.Notes = append(r.Notes, "seen"); return nil }
	if _, err := old.Amend(t.Context(), 1, seen); err != nil {
		t.Fatal(err)
	}
	if m, err = PlanMove(t.Context(), c, owner(old.Environment), false); err == nil {
		err = m.Run(t.Context(), Holder{Person: "mara"})
	}
	if err != nil {
		t.Fatal(err)
	}
	if r, err := m.To.Release(t.Context(), 1); err != nil || !slices.Contains(r.Notes, "seen") {
		t.Errorf("%+v, %v", r, err)
	}
	moved(t, old, hasher.Hash("x", "y"), 1)
}

func moveIt(t *testing.T, _ *Ledger) {
	m, err := PlanMove(t.Context(), kubetest.Cluster(t), owner(os.Getenv("LEDGER_TEST_ENVIRONMENT")), false)
	if err == nil && !m.Done {
		m.Lease = lease
		err = m.Run(t.Context(), Holder{Person: "mara"})
	}
	if err != nil {
		t.Fatal(err)
	}
}

package ledger

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
)

// lease is short, since some tests wait for it to expire.
const lease = 2 * time.Second

func acquire(t *testing.T, l *Ledger, person string) *Lock {
	t.Helper()
	k, err := l.Acquire(t.Context(), Holder{Person: person, Host: "runner", Pid: 7}, lease)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// die ends a lock as the death of its process would.
func (k *Lock) die() {
	k.stop()
	k.renewing.Wait()
}

func TestLockIsHeldByOne(t *testing.T) {
	t.Parallel()
	l := open(t)
	first := acquire(t, l, "mara")
	// Longer than the lease: a holder that lives keeps it.
	_, err := l.Acquire(t.Context(), Holder{Person: "tom"}, lease)
	var held *HeldError
	if !errors.As(err, &held) || held.By.Person != "mara" || held.Hint() == "" || time.Since(held.Since) > time.Minute {
		t.Fatalf("a second holder: %v", err)
	}
	if err := first.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	second := acquire(t, l, "tom")
	if time.Since(start) > lease/2 {
		t.Errorf("a lock that was given back was waited for, %s", time.Since(start))
	}
	if second.Fence <= first.Fence {
		t.Errorf("fence %d after %d", second.Fence, first.Fence)
	}
	if err := second.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLockOfTheDeadExpires(t *testing.T) {
	t.Parallel()
	l := open(t)
	dead := acquire(t, l, "mara")
	dead.die()
	start := time.Now()
	next := acquire(t, l, "tom")
	defer next.Release(kubetest.Context(t))
	if waited := time.Since(start); waited < lease-200*time.Millisecond || waited > 3*lease {
		t.Errorf("waited %s for a lease of %s", waited, lease)
	}
	// The dead one was only paused: it finds out before it writes.
	var taken *TakenError
	if err := dead.Hold(t.Context()); !errors.As(err, &taken) {
		t.Errorf("the former holder goes on: %v", err)
	}
	if context.Cause(dead.Lost()) == nil {
		t.Error("the former holder is not told")
	}
}

// A lease written by a clock that is an hour off is waited for all the same,
// and no longer than it lasts.
func TestLockTrustsNoClock(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		l := open(t)
		acquire(t, l, "mara").die()
		obj, err := l.cluster.Read(t.Context(), leaseObject(l))
		if err != nil {
			t.Fatal(err)
		}
		spec := obj.Object["spec"].(map[string]any)
		spec["renewTime"] = time.Now().Add(off).UTC().Format("2006-01-02T15:04:05.000000Z")
		if _, err := l.cluster.Update(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		k := acquire(t, l, "tom")
		if waited := time.Since(start); waited < lease-200*time.Millisecond || waited > 3*lease {
			t.Errorf("clock off by %s: waited %s", off, waited)
		}
		if err := k.Release(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func leaseObject(l *Ledger) *kube.Object {
	obj := l.named("Lease", lockName)
	obj.SetAPIVersion("coordination.k8s.io/v1")
	return obj
}

func TestOnlyOneOfManyGetsTheLock(t *testing.T) {
	t.Parallel()
	l := open(t)
	locks := make([]*Lock, 5)
	errs := make([]error, len(locks))
	var work sync.WaitGroup
	for i := range locks {
		work.Go(func() { locks[i], errs[i] = l.Acquire(t.Context(), Holder{Pid: i}, lease) })
	}
	work.Wait()
	holders := 0
	for i, k := range locks {
		if k != nil {
			holders++
			defer k.Release(kubetest.Context(t))
		} else if !errors.As(errs[i], new(*HeldError)) {
			t.Error(errs[i])
		}
	}
	if holders != 1 {
		t.Errorf("%d hold the lock", holders)
	}
}

// A run that was paused between reading an object and writing it wakes up when
// another one has taken over.
func TestFence(t *testing.T) {
	t.Parallel()
	l := open(t)
	paused := acquire(t, l, "mara")
	obj := l.named("ConfigMap", "thing")
	obj.Object["data"] = map[string]any{"version": "1"}
	read, err := l.cluster.Create(t.Context(), obj)
	if err != nil {
		t.Fatal(err)
	}
	if err := paused.Guard(t.Context(), read); err != nil {
		t.Fatal(err)
	}
	paused.die()
	next := acquire(t, l, "tom")
	defer next.Release(kubetest.Context(t))
	if err := next.Stamp(t.Context(), []*kube.Object{obj, l.named("ConfigMap", "never-made")}); err != nil {
		t.Fatal(err)
	}
	// It was read before the stamp, so the write is a conflict.
	read.Object["data"] = map[string]any{"version": "2"}
	if _, err := l.cluster.Update(t.Context(), read); !kube.Stale(err) {
		t.Errorf("the paused run overwrote: %v", err)
	}
	// It reads again, and is told.
	live, err := l.cluster.Read(t.Context(), obj)
	if err != nil {
		t.Fatal(err)
	}
	paused.renewed = time.Now() // as if nobody had told it of the lock
	var fenced *FencedError
	if err := paused.Guard(t.Context(), live); !errors.As(err, &fenced) || fenced.Found != next.Fence {
		t.Errorf("the paused run may write: %v", err)
	}
	if err := next.Guard(t.Context(), live); err != nil {
		t.Error(err)
	}
}

func TestUnlock(t *testing.T) {
	t.Parallel()
	l := open(t)
	if was, err := l.Unlock(t.Context(), Holder{Person: "ann"}, "nobody has it"); was != nil || err != nil {
		t.Errorf("%v %v", was, err)
	}
	held := acquire(t, l, "mara")
	add(t, l)
	was, err := l.Unlock(t.Context(), Holder{Person: "ann", Host: "laptop", Pid: 1}, "the runner burnt down")
	if err != nil || was == nil || was.Person != "mara" {
		t.Errorf("%v %v", was, err)
	}
	record, err := l.Release(t.Context(), 1)
	if err != nil || len(record.Notes) != 1 {
		t.Fatalf("%+v %v", record, err)
	}
	select {
	case <-held.Lost().Done():
	case <-time.After(3 * lease):
		t.Error("the former holder is not told")
	}
}

// The parts of a run hold one lock: who joins does not give it back, and loses
// it together with the one who has it.
func TestLockIsShared(t *testing.T) {
	t.Parallel()
	l := open(t)
	first := acquire(t, l, "mara")
	joined, err := l.Join(t.Context(), first.Share())
	if err != nil {
		t.Fatal(err)
	}
	if joined.Fence != first.Fence {
		t.Errorf("fence %d, and %d of the one who joined", first.Fence, joined.Fence)
	}
	if err := joined.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if err := first.Hold(t.Context()); err != nil {
		t.Errorf("lost with the one who left: %v", err)
	}
	if err := first.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := l.Join(t.Context(), first.Share()); !errors.As(err, new(*TakenError)) {
		t.Errorf("joined a lock that nobody holds: %v", err)
	}
}

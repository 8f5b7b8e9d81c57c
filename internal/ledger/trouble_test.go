package ledger

import (
	"errors"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube/kubetest"
)

// A write of which only the answer was lost is not somebody else's.
func TestAnAnswerThatWasLost(t *testing.T) {
	t.Parallel()
	l := open(t)
	e := add(t, l)
	before := e.version
	if err := e.Begin(t.Context(), "x", nil); err != nil {
		t.Fatal(err)
	}
	written, err := l.object(e.Record)
	if err != nil {
		t.Fatal(err)
	}
	e.version, e.doubt = before, written // as after a time-out
	if err := e.End(t.Context(), "x", nil); err != nil {
		t.Errorf("the next write: %v", err)
	}
	e.version, e.doubt = before, nil // nothing of ours is in doubt: it was somebody else
	if err := e.Close(t.Context(), Failed, ""); !errors.As(err, new(*LostError)) {
		t.Errorf("somebody else's write passes for ours: %v", err)
	}
}

// People delete what is stuck, and the counter goes with it.
func TestFenceGrowsThoughTheLeaseWasDeleted(t *testing.T) {
	t.Parallel()
	l := open(t)
	for range 3 {
		if err := acquire(t, l, "mara").Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	earlier := acquire(t, l, "mara")
	if _, err := l.Add(t.Context(), Record{Fence: earlier.Fence}); err != nil {
		t.Fatal(err)
	}
	earlier.die()
	if err := l.cluster.Delete(t.Context(), leaseObject(l)); err != nil {
		t.Fatal(err)
	}
	next := acquire(t, l, "tom")
	defer next.Release(kubetest.Context(t))
	if next.Fence <= earlier.Fence {
		t.Errorf("fence %d after %d", next.Fence, earlier.Fence)
	}
}

// Its holder renews it all the time, and nothing says that the Lease was
// written by Slipway.
func TestUnlockOfABusyOrForeignLease(t *testing.T) {
	t.Parallel()
	l := open(t)
	held := acquire(t, l, "mara")
	obj, err := l.cluster.Read(t.Context(), leaseObject(l))
	if err != nil {
		t.Fatal(err)
	}
	obj.SetAnnotations(nil)
	if _, err := l.cluster.Update(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				_ = held.renew(t.Context())
			}
		}
	}()
	if was, err := l.Unlock(t.Context(), Holder{Person: "ann"}, "it hangs"); err != nil || was == nil {
		t.Errorf("%v, %v", was, err)
	}
	select {
	case <-held.Lost().Done():
	case <-time.After(3 * lease):
		t.Error("the former holder is not told")
	}
}

package ledger

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	coordination "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/teei/slipway/internal/crash"
	"github.com/teei/slipway/internal/kube"
)

const (
	lockName     = "release"
	holderField  = "slipway.dev/holder"
	unlockedNote = "slipway.dev/unlocked"
)

// DefaultLease is how long a lock is valid after its holder was last heard of.
const DefaultLease = 15 * time.Second

// Lock is the right to release in one environment, held by one process. It is
// renewed until Release is called.
type Lock struct {
	// Fence grows with every holder. Objects carry it, so that a former holder
	// that was only paused finds out before it writes.
	Fence int64

	ledger   *Ledger
	id       string
	joined   bool // another process gives it back
	duration time.Duration
	lost     context.Context
	lose     context.CancelCauseFunc
	stop     context.CancelFunc
	renewing sync.WaitGroup

	mu      sync.Mutex
	renewed time.Time // when the request for the last renewal was sent
}

// HeldError says that another run releases now.
type HeldError struct {
	Environment string
	By          Holder
	Since       time.Time
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s is being released by %s since %s", e.Environment, e.By, e.Since.Local().Format("15:04:05"))
}

// Hint says what to do about it.
func (e *HeldError) Hint() string {
	return "wait until it ends; if it is dead, its lock expires by itself, or take it away with `slipway unlock --reason …`"
}

// Acquire takes the lock. Another run that holds it and is alive makes it fail
// with a *HeldError; one that is dead is waited for until its lease expires, by
// this process's own clock: nobody's clock is trusted.
// The protocol is client-go's leader election over coordination.k8s.io Leases.
func (l *Ledger) Acquire(ctx context.Context, by Holder, duration time.Duration) (*Lock, error) {
	if duration <= 0 {
		duration = DefaultLease
	}
	if err := l.found(ctx); err != nil {
		return nil, err
	}
	lock := &Lock{ledger: l, id: rand.Text(), duration: duration}
	for {
		lease, err := l.lease(ctx)
		if err != nil {
			return nil, err
		}
		if held(lease) && *lease.Spec.HolderIdentity == lock.id {
			lock.start(ctx, lease) // our own write, of which only the answer was lost
			return lock, nil
		}
		if held(lease) {
			if err := l.outlive(ctx, lease); err != nil {
				return nil, err
			}
		}
		taken, err := lock.take(ctx, lease, by)
		if kube.Exists(err) || kube.Stale(err) {
			continue // somebody was faster
		}
		if err != nil {
			return nil, err
		}
		lock.start(ctx, taken)
		return lock, nil
	}
}

// Share is what a part of a run needs to work under the lock that the run holds.
type Share struct {
	Holder   string        `json:"holder"` // identity in the Lease
	Duration time.Duration `json:"duration"`
}

// Share lets a part of this run that is another process join the lock.
func (k *Lock) Share() Share { return Share{Holder: k.id, Duration: k.duration} }

// Join is for a part of a run whose other part holds the lock: both renew it,
// and who acquired it gives it back. It fails with a *TakenError where that
// lock is no longer held.
func (l *Ledger) Join(ctx context.Context, with Share) (*Lock, error) {
	lock := &Lock{ledger: l, id: with.Holder, joined: true, duration: with.Duration}
	lease, err := l.lease(ctx)
	if err != nil {
		return nil, err
	}
	if !held(lease) || *lease.Spec.HolderIdentity != lock.id {
		return nil, &TakenError{Environment: l.Environment}
	}
	lock.start(ctx, lease)
	if err := lock.renew(ctx); err != nil && !kube.Stale(err) {
		return nil, errors.Join(err, lock.Release(ctx))
	}
	return lock, nil
}

// take writes the lease in our name.
func (k *Lock) take(ctx context.Context, lease *coordination.Lease, by Holder) (*coordination.Lease, error) {
	who, err := json.Marshal(by)
	if err != nil {
		return nil, err
	}
	now := metav1.NowMicro()
	create := lease == nil
	if create {
		lease = &coordination.Lease{ObjectMeta: metav1.ObjectMeta{Name: lockName, Namespace: k.ledger.Namespace}}
	}
	if lease.Annotations == nil {
		lease.Annotations = map[string]string{}
	}
	lease.Annotations[holderField] = string(who)
	turns, err := k.ledger.nextFence(ctx, lease)
	if err != nil {
		return nil, err
	}
	// Whole seconds are all that a Lease can say.
	seconds := int32(max(1, (k.duration+time.Second-1)/time.Second))
	lease.Spec = coordination.LeaseSpec{HolderIdentity: &k.id, LeaseDurationSeconds: &seconds, AcquireTime: &now, RenewTime: &now, LeaseTransitions: &turns}
	k.renewed = time.Now()
	obj, err := kube.Untyped("coordination.k8s.io/v1", "Lease", lease)
	if err != nil {
		return nil, err
	}
	write := k.ledger.cluster.Update
	if create {
		write = k.ledger.cluster.Create
	}
	made, err := write(ctx, obj)
	if err != nil {
		return nil, err
	}
	return kube.Typed[coordination.Lease](made)
}

func (k *Lock) start(ctx context.Context, lease *coordination.Lease) {
	k.Fence = int64(*lease.Spec.LeaseTransitions)
	// The lock outlives a cancelled run: what that began still has to be taken back.
	lasting := context.WithoutCancel(ctx)
	k.lost, k.lose = context.WithCancelCause(lasting)
	renewing, stop := context.WithCancel(lasting)
	k.stop = stop
	k.renewing.Go(func() { k.keep(renewing) })
}

// keep renews the lease until it is released or lost.
func (k *Lock) keep(ctx context.Context) {
	tick := time.NewTicker(k.duration / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := k.renew(ctx); errors.As(err, new(*TakenError)) {
			k.lose(err)
			return
		}
	}
}

// TakenError says that the lock went to another run.
type TakenError struct{ Environment string }

func (e *TakenError) Error() string {
	return "the lock of " + e.Environment + " was taken by another run"
}

// Hint says what to do about it.
func (e *TakenError) Hint() string {
	return "this run changes nothing more; `slipway releases` shows what became of it"
}

func (k *Lock) renew(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	limited, stop := context.WithTimeout(crash.Quiet(ctx), k.duration/2)
	defer stop()
	sent := time.Now()
	lease, err := k.ledger.lease(limited)
	if err != nil {
		return err
	}
	if !held(lease) || *lease.Spec.HolderIdentity != k.id {
		return &TakenError{Environment: k.ledger.Environment}
	}
	now := metav1.NowMicro()
	lease.Spec.RenewTime = &now
	obj, err := kube.Untyped("coordination.k8s.io/v1", "Lease", lease)
	if err != nil {
		return err
	}
	// The version just read: a taker in between makes this a conflict.
	if _, err := k.ledger.cluster.Update(limited, obj); err != nil {
		return err
	}
	k.renewed = sent
	return nil
}

// Lost is done when another run has the lock; its cause says so.
func (k *Lock) Lost() context.Context { return k.lost }

// Hold returns when the lock is certainly ours: renewed so lately that nobody
// can have taken it. While the API server is away it waits, so that no new step
// begins; a lock that was lost is a *TakenError.
func (k *Lock) Hold(ctx context.Context) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		if k.lost.Err() != nil {
			return context.Cause(k.lost)
		}
		k.mu.Lock()
		fresh := time.Since(k.renewed) < k.duration/2
		k.mu.Unlock()
		if fresh {
			return nil
		}
		err := k.renew(ctx)
		switch {
		case err == nil:
			return nil
		case errors.As(err, new(*TakenError)):
			k.lose(err)
			return err
		case kube.Refused(err) && !kube.Stale(err):
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(wait): // nothing tells that a server is back
		}
	}
}

// Confirm is Hold that asks, however lately the lock was renewed: what was done
// before it was done under the lock.
func (k *Lock) Confirm(ctx context.Context) error {
	k.mu.Lock()
	k.renewed = time.Time{}
	k.mu.Unlock()
	return k.Hold(ctx)
}

// Release gives the lock back, so that nobody has to wait for it to expire. One
// that was joined is only left.
func (k *Lock) Release(ctx context.Context) error {
	k.stop()
	k.renewing.Wait()
	defer k.lose(context.Canceled)
	if k.joined {
		return nil
	}
	err := k.ledger.free(ctx, func(lease *coordination.Lease) bool { return held(lease) && *lease.Spec.HolderIdentity == k.id })
	if err != nil {
		return fmt.Errorf("release the lock of %s: %w", k.ledger.Environment, err)
	}
	return nil
}

package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	coordination "k8s.io/api/coordination/v1"

	"github.com/teei/slipway/internal/kube"
)

func (l *Ledger) lease(ctx context.Context) (*coordination.Lease, error) {
	if err := l.check(ctx); err != nil {
		return nil, err
	}
	lease, err := kube.GetOne[coordination.Lease](ctx, l.cluster, kube.Leases, l.Namespace, lockName)
	if err == nil && lease == nil {
		err = l.begins(ctx)
	}
	return lease, err
}

func held(lease *coordination.Lease) bool {
	return lease != nil && lease.Spec.HolderIdentity != nil && *lease.Spec.HolderIdentity != ""
}

// outlive watches a lease for as long as it lasts. A renewal proves that its
// holder lives; silence, that it may be taken over.
func (l *Ledger) outlive(ctx context.Context, lease *coordination.Lease) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	changed := make(chan struct{}, 1)
	mirror, err := kube.Follow[coordination.Lease](ctx, l.cluster, kube.Leases, l.Namespace, func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return err
	}
	lasts := DefaultLease
	if lease.Spec.LeaseDurationSeconds != nil {
		lasts = time.Duration(*lease.Spec.LeaseDurationSeconds) * time.Second
	}
	expired := time.NewTimer(lasts)
	defer expired.Stop()
	for {
		switch now := mirror.Get(lockName); {
		case !held(now):
			return nil
		case now.ResourceVersion != lease.ResourceVersion:
			return heldError(l.Environment, now)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-expired.C:
			return nil
		}
	}
}

func heldError(environment string, lease *coordination.Lease) error {
	e := &HeldError{Environment: environment}
	_ = json.Unmarshal([]byte(lease.Annotations[holderField]), &e.By) // without it, nobody knows who
	if lease.Spec.AcquireTime != nil {
		e.Since = lease.Spec.AcquireTime.Time
	}
	return e
}

// nextFence is higher than every earlier one. Somebody may have deleted the
// Lease, and its counter with it: the records remember.
func (l *Ledger) nextFence(ctx context.Context, lease *coordination.Lease) (int32, error) {
	if lease.Spec.LeaseTransitions != nil {
		return *lease.Spec.LeaseTransitions + 1, nil
	}
	records, err := l.Releases(ctx)
	if err != nil && !errors.As(err, new(*DamagedError)) {
		return 0, err
	}
	var highest int64
	for _, record := range records {
		highest = max(highest, record.Fence)
	}
	return int32(highest) + 1, nil
}

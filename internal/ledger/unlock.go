package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	coordination "k8s.io/api/coordination/v1"

	"github.com/teei/slipway/internal/kube"
)

// free makes the lease nobody's, if it is to be. Its holder may renew it in
// between; then it is looked at again.
func (l *Ledger) free(ctx context.Context, whether func(*coordination.Lease) bool) error {
	for {
		lease, err := l.lease(ctx)
		if err != nil || !whether(lease) {
			return err
		}
		nobody := ""
		lease.Spec.HolderIdentity = &nobody
		delete(lease.Annotations, holderField)
		obj, err := kube.Untyped("coordination.k8s.io/v1", "Lease", lease)
		if err != nil {
			return err
		}
		if _, err = l.cluster.Update(ctx, obj); !kube.Stale(err) {
			return err
		}
	}
}

// Unlock takes the lock away from whoever holds it, and records who did that
// and why. It returns who held it, or nil if nobody did.
func (l *Ledger) Unlock(ctx context.Context, by Holder, reason string) (*Holder, error) {
	var was *Holder
	err := l.free(ctx, func(lease *coordination.Lease) bool {
		if was = nil; !held(lease) {
			return false
		}
		was = &Holder{}
		_ = json.Unmarshal([]byte(lease.Annotations[holderField]), was) // without it, nobody knows who
		if lease.Annotations == nil {
			lease.Annotations = map[string]string{}
		}
		lease.Annotations[unlockedNote] = fmt.Sprintf("%s by %s: %s", time.Now().UTC().Format(time.RFC3339), by, reason)
		return true
	})
	if err != nil || was == nil {
		return nil, err
	}
	return was, l.noteUnfinished(ctx, fmt.Sprintf("unlocked by %s: %s", by, reason))
}

// noteUnfinished adds a note to the release that is under way, if there is one.
func (l *Ledger) noteUnfinished(ctx context.Context, note string) error {
	record, err := l.Unfinished(ctx)
	if err != nil || record == nil {
		return err
	}
	e, err := l.Take(ctx, record.Number, record.Fence)
	if err != nil {
		return err
	}
	e.Record.Notes = append(e.Record.Notes, time.Now().UTC().Format(time.RFC3339)+" "+note)
	return e.write(ctx)
}

// Unfinished returns the release that ended in the middle, or nil.
func (l *Ledger) Unfinished(ctx context.Context) (*Record, error) {
	records, err := l.Releases(ctx)
	var damaged *DamagedError
	if err != nil && !errors.As(err, &damaged) {
		return nil, err
	}
	for _, record := range records {
		if !record.State.Finished() {
			return record, nil
		}
	}
	return nil, nil
}

// Abandoned returns the unfinished release that nobody works on any more: its
// lock is free, or was not renewed for as long as it lasts by this process's own
// clock. It is nil if there is none.
func (l *Ledger) Abandoned(ctx context.Context) (*Record, error) {
	record, err := l.Unfinished(ctx)
	if err != nil || record == nil {
		return nil, err
	}
	lease, err := l.lease(ctx)
	if err != nil {
		return nil, err
	}
	if held(lease) {
		if err := l.outlive(ctx, lease); errors.As(err, new(*HeldError)) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
	}
	return l.Unfinished(ctx) // it may have ended meanwhile
}

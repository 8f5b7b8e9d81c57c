package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
	record, err := l.unfinished(ctx)
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

// Unfinished returns the release that ended in the middle, or nil. Where the record
// of the newest is damaged, it fails with an *UnknownEndError.
func (l *Ledger) Unfinished(ctx context.Context) (*Record, error) {
	stored, err := l.stored(ctx)
	if err != nil {
		return nil, err
	}
	records, damaged := parseAll(stored)
	if err := l.foreign(records); err != nil {
		return nil, err
	}
	for _, d := range damaged {
		over := func(r *Record) bool { return r.State.Finished() && r.Number > d.number }
		if !slices.ContainsFunc(records, over) {
			return nil, &UnknownEndError{Release: l.Name(d.number), Err: d}
		}
	}
	return firstUnfinished(records), nil
}

func firstUnfinished(records []*Record) *Record {
	i := slices.IndexFunc(records, func(r *Record) bool { return !r.State.Finished() })
	if i < 0 {
		return nil
	}
	return records[i]
}

// unfinished is Unfinished among the records that can be read.
func (l *Ledger) unfinished(ctx context.Context) (*Record, error) {
	records, err := l.Releases(ctx)
	if err != nil && !errors.As(err, new(*DamagedError)) {
		return nil, err
	}
	return firstUnfinished(records), nil
}

// UnknownEndError says that nobody knows whether the newest release ended in the
// middle: what is there now may be a mixture, and no state to go back to.
type UnknownEndError struct {
	Release string
	Err     error
}

func (e *UnknownEndError) Error() string {
	return "it is not known how " + e.Release + " ended: " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *UnknownEndError) Unwrap() error { return e.Err }

// Usage marks that nothing was begun.
func (e *UnknownEndError) Usage() bool { return true }

// Hint says what to do about it.
func (e *UnknownEndError) Hint() string {
	return "its record may still be in the folder of its run (--out); `slipway verify` says what runs: once all of it is of one release, delete the record with kubectl"
}

// Abandoned returns the unfinished release that nobody works on any more: its
// lock is free, or was not renewed for as long as it lasts by this process's own
// clock. It is nil if there is none.
func (l *Ledger) Abandoned(ctx context.Context) (*Record, error) {
	record, err := l.unfinished(ctx)
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
	return l.unfinished(ctx) // it may have ended meanwhile
}

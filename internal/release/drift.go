package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
)

// drift says what is not as the release left it that a rollback goes back to, "" for
// nothing. What moved since it went back is said already.
func (o *Options) drift(ctx context.Context, record *ledger.Record, moved []string) (string, error) {
	if record.RollbackTo == nil || *record.RollbackTo == 0 {
		return "", nil
	}
	left, since, err := o.leftBy(ctx, *record.RollbackTo)
	if err != nil || len(left) == 0 {
		return "", err
	}
	options := o.Rollout
	options.Objects = left
	unlike, err := rollout.Unlikes(ctx, options, since)
	if err != nil {
		return "", fmt.Errorf("compare with what %s left: %w", o.Ledger.Name(*record.RollbackTo), err)
	}
	var said []string
	for _, u := range unlike {
		if !slices.ContainsFunc(moved, func(m string) bool { return strings.HasPrefix(m, u.ID+" ") }) {
			said = append(said, u.String())
		}
	}
	if len(said) == 0 {
		return "", nil
	}
	return "; not as " + o.Ledger.Name(*record.RollbackTo) + " left it: " + strings.Join(said, ", "), nil
}

// leftBy are the objects as a release left them, and when it ended: what it wanted,
// and of services that it was not asked for, what the releases before it wanted.
func (o *Options) leftBy(ctx context.Context, number int) (objects []*kube.Object, since time.Time, err error) {
	all, err := o.Ledger.Releases(ctx)
	if err != nil && !errors.As(err, new(*ledger.DamagedError)) {
		return nil, since, err
	}
	known := map[string]bool{}
	for _, r := range all { // newest first
		if !r.Standing() || r.Number > number {
			continue
		}
		var wanted intent
		if found, err := o.wanted(ctx, r, &wanted); err != nil || !found {
			return objects, since, err
		}
		first := r.Number == number
		if first && r.Ended != nil {
			since = *r.Ended
		}
		more := false
		for _, obj := range wanted.Objects {
			service := slices.ContainsFunc(wanted.Services, func(s rollout.Service) bool { return s.Name == obj.GetName() }) && decisive(obj.GetKind())
			if id := kube.ID(obj); !known[id] && (first || service) {
				known[id], more = true, true
				objects = append(objects, obj)
			}
		}
		if !more {
			break // a release of the whole platform is not far, and has no other service
		}
	}
	return objects, since, nil
}

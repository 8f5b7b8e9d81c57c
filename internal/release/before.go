package release

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
)

// stillAsBefore compares what was taken back with the record of before, at the
// very end: each object was compared as it was written, and somebody may have
// changed it while the others went back and the platform was verified. A rollback is
// compared with the release that it goes back to as well, whatever it wrote of it
// itself: what was changed by hand is no part of its way. It says what was compared,
// and fails with a *MovedError where that went back and is another now.
func (o *Options) stillAsBefore(ctx context.Context, record *ledger.Record, ids []string) (string, error) {
	changes, err := o.changes(ctx, record)
	if err != nil {
		return "", err
	}
	var moved []string
	compared := false
	for _, c := range changes {
		id := kube.ID(c.Object)
		if !slices.Contains(ids, id) || c.Before == nil || c.Object.GetKind() == "Job" {
			continue // of a Job that is done nothing has to be left
		}
		live, err := o.Rollout.Cluster.Read(ctx, c.Object)
		if err != nil {
			return "", fmt.Errorf("compare %s with the record of before: %w", id, err)
		}
		compared = compared || decisive(c.Object.GetKind())
		if live == nil {
			moved = append(moved, id+" was deleted")
		} else if fields := rollout.Drift(live, c.Before); len(fields) > 0 {
			moved = append(moved, id+" was changed at "+rollout.Places(fields))
		}
	}
	drift, err := o.drift(ctx, record, moved)
	switch {
	case err != nil:
		return "", err
	case len(moved) > 0:
		return "; since then " + strings.Join(moved, ", ") + drift, &MovedError{Moved: moved}
	case drift != "":
		return drift, nil
	case compared:
		return "; pod templates, images and configuration equal the record of before", nil
	}
	return "", nil
}

// decisive are the kinds that pods are made from, or read.
func decisive(kind string) bool {
	return slices.Contains([]string{"Deployment", "StatefulSet", "DaemonSet", "ConfigMap", "Secret"}, kind)
}

// MovedError says that somebody changed what had just gone back.
type MovedError struct{ Moved []string }

func (e *MovedError) Error() string {
	return "what went back is not as before any more: " + strings.Join(e.Moved, ", ")
}

// Hint says what to do about it.
func (e *MovedError) Hint() string {
	return "look who changed it; `slipway plan` shows what a release would make of it"
}

package release

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
)

// stillAsBefore compares what was taken back with the record of before, at the
// very end: each object was compared as it was written, and somebody may have
// changed it while the others went back and the platform was verified. It says
// what was compared, and fails with a *MovedError.
func (o *Options) stillAsBefore(ctx context.Context, record *ledger.Record, ids []string) (string, error) {
	changes, err := o.changes(ctx, record)
	if err != nil {
		return "", err
	}
	var moved []string
	compared := false
	for _, c := range changes {
		id := kube.ID(c.Object)
		if !slices.Contains(ids, id) || c.Before == nil || decisive(c.Before) == nil {
			continue
		}
		compared = true
		live, err := o.Rollout.Cluster.Read(ctx, c.Object)
		if err != nil {
			return "", fmt.Errorf("compare %s with the record of before: %w", id, err)
		}
		if live == nil {
			moved = append(moved, id+" was deleted")
		} else if fields := plan.Fields(decisive(c.Before), decisive(live), nil); len(fields) > 0 {
			moved = append(moved, id+" was changed at "+places(fields))
		}
	}
	switch {
	case len(moved) > 0:
		return "; since then " + strings.Join(moved, ", "), &MovedError{Moved: moved}
	case compared:
		return "; pod templates, images and configuration equal the record of before", nil
	}
	return "", nil
}

// decisive is what an object makes pods from, or gives them; nil for other kinds,
// in which controllers and clouds write as they like.
func decisive(obj *kube.Object) map[string]any {
	switch obj.GetKind() {
	case "Deployment", "StatefulSet", "DaemonSet":
		return map[string]any{"spec": map[string]any{"template": podTemplate(obj.Object)}}
	case "ConfigMap", "Secret":
		return contentOf(obj)
	}
	return nil
}

// places are where fields are, and never what is there.
func places(fields []plan.Field) string {
	const most = 3
	var paths []string
	for _, f := range fields[:min(most, len(fields))] {
		paths = append(paths, f.Path)
	}
	text := strings.Join(paths, " and ")
	if more := len(fields) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
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

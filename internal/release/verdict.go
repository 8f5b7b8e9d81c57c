package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
)

// undoneIDs are the objects that were taken back. What was kept is not among them.
func undoneIDs(undone []rollout.Undone) (ids []string) {
	for _, u := range undone {
		if u.Action != rollout.Kept {
			ids = append(ids, u.ID)
		}
	}
	return ids
}

// without leaves out of objects what stayed: what may hold data, and what somebody
// else had changed before this release came to it.
func without(ids []string, result *rollout.Result) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return slices.ContainsFunc(result.Left, func(l rollout.Left) bool { return l.ID == id }) ||
			slices.ContainsFunc(result.Undone, func(u rollout.Undone) bool { return u.ID == id && u.Action == rollout.Kept })
	})
}

// backAsBefore says that these objects are as before, and what is not, since it stayed.
func backAsBefore(ids []string, result *rollout.Result) string {
	if said := stayed(result); said != "" {
		return "everything else is as before: " + compared(ids) + said
	}
	return "everything is as before: " + compared(ids)
}

// stayed names what is not as before because it was kept or left, "" for nothing.
func stayed(result *rollout.Result) (said string) {
	var kept, left []string
	for _, u := range result.Undone {
		if u.Action == rollout.Kept {
			kept = append(kept, u.ID)
		}
	}
	for _, l := range result.Left {
		left = append(left, l.String())
	}
	if len(kept) > 0 {
		said += "; kept, since data may hang on it: " + strings.Join(kept, ", ")
	}
	if len(left) > 0 {
		said += "; left as it is: " + strings.Join(left, ", ")
	}
	return said
}

// servicesOnly is a verdict where the database is not as before.
func servicesOnly(verdict string) string {
	return strings.NewReplacer("everything is", "the services are", "everything else is", "the services are").Replace(verdict)
}

// changedIDs are the objects of changes.
func changedIDs(changes []rollout.Change) (ids []string) {
	for _, c := range changes {
		ids = append(ids, kube.ID(c.Object))
	}
	return ids
}

// compared says of objects how many of which kind were compared.
func compared(ids []string) string {
	of := map[string]int{}
	for _, id := range ids {
		kind, _, _ := strings.Cut(id, "/")
		of[kind]++
	}
	var kinds []string
	for kind := range of {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for i, kind := range kinds {
		kinds[i] = fmt.Sprintf("%d× %s", of[kind], kind)
	}
	text := count(len(ids), "object") + " compared"
	if len(kinds) > 0 {
		text += " (" + strings.Join(kinds, ", ") + ")"
	}
	return text
}

// again verifies the platform as a whole after these objects were taken back,
// compares them with the record once more, and says what came of it. A run that was
// cancelled has seconds left, and leaves it out.
func (o *Options) again(ctx context.Context, entry *ledger.Entry, ids []string) (string, error) {
	switch {
	case o.Verify == nil:
		return "", nil
	case ctx.Err() != nil:
		//nolint:nilerr // whoever cancels knows
		return "; the platform was not verified again, since this run was cancelled", nil
	}
	o.say("verify what was taken back")
	err := entry.Begin(ctx, rollout.Verification, nil)
	if err == nil {
		err = o.verify(ctx, asBefore(entry.Record))
		err = errors.Join(err, entry.End(o.noting, rollout.Verification, err))
	}
	said := "; the platform was verified again"
	switch {
	case err == nil:
	case ctx.Err() != nil:
		//nolint:nilerr // whoever cancels knows
		return "; the platform was not verified to the end, since this run was cancelled", nil
	default:
		said, err = "; the platform does not work all the same", fmt.Errorf("verify what was taken back: %w", err)
	}
	compared, moved := o.stillAsBefore(ctx, entry.Record, ids)
	return said + compared, errors.Join(err, moved)
}

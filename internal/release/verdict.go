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

// undoneIDs are the objects that were taken back.
func undoneIDs(undone []rollout.Undone) (ids []string) {
	for _, u := range undone {
		ids = append(ids, u.ID)
	}
	return ids
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

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

// prove verifies what was taken back, or where nothing is to run any more, that
// nothing does, and says in the verdict what came of it. The objects are those that
// went back.
func (o *Options) prove(ctx context.Context, entry *ledger.Entry, changes []rollout.Change, ids []string, outcome *Outcome) error {
	uninstalls, err := o.uninstalls(ctx, entry.Record, changes)
	if err != nil {
		return err
	}
	if uninstalls {
		return o.uninstalled(ctx, entry, changes, outcome)
	}
	said, err := o.again(ctx, entry, ids)
	outcome.Verdict += said
	return err
}

// uninstalls reports whether nothing of the platform runs once a rollback to before
// the first release is made. What ran before slipway came runs on.
func (o *Options) uninstalls(ctx context.Context, r *ledger.Record, changes []rollout.Change) (bool, error) {
	if r.RollbackTo == nil || *r.RollbackTo != 0 || ctx.Err() != nil || slices.ContainsFunc(changes, runsOn) {
		return false, nil
	}
	left, err := o.running(ctx)
	return len(left) == 0, err
}

// runsOn reports whether an object that goes back makes pods as before.
func runsOn(c rollout.Change) bool {
	return c.Before != nil && c.Object.GetKind() != "Job" && len(kube.Images(c.Before)) > 0
}

// uninstalled waits until all is gone that was made, and its pods with it.
func (o *Options) uninstalled(ctx context.Context, entry *ledger.Entry, changes []rollout.Change, outcome *Outcome) error {
	o.say("wait until the pods of what was deleted are gone")
	err := entry.Begin(ctx, rollout.Verification, nil)
	var kept []string
	if err == nil {
		left := o.Rollout
		left.Owner = o.Ledger.Owner()
		kept, err = rollout.Gone(ctx, left, changes)
		err = errors.Join(err, entry.End(o.noting, rollout.Verification, err))
	}
	if err != nil {
		outcome.Verdict = "not all that was deleted is gone"
		return fmt.Errorf("uninstall %s: %w", o.Ledger.Environment, err)
	}
	var ids []string
	for _, c := range changes {
		if id := kube.ID(c.Object); c.Before == nil && !slices.Contains(kept, id) {
			ids = append(ids, id)
		}
	}
	said := "nothing runs any more: " + strings.Replace(compared(ids), " compared", " deleted", 1) + ", and no pod is left"
	if len(kept) > 0 {
		said += "; kept: " + strings.Join(kept, ", ")
	}
	_, database, _ := strings.Cut(strings.Replace(outcome.Verdict, stayed(outcome.Rollout), "", 1), "; ")
	if outcome.Verdict = said; database != "" {
		outcome.Verdict += "; " + database
	}
	return nil
}

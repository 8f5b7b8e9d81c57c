package rollout

import (
	"context"
	"errors"
	"strings"

	"github.com/teei/slipway/internal/kube"
)

// NotOursError says that a rollback would have to overwrite what somebody else wrote
// since, such as a hotfix by hand. It is found before the first write.
type NotOursError struct {
	Environment string
	// Conflicts say of each object which fields are whose.
	Conflicts []string
}

func (e *NotOursError) Error() string {
	return "nothing was rolled back: " + strings.Join(e.Conflicts, "; ")
}

// Usage marks that nothing was begun.
func (e *NotOursError) Usage() bool { return true }

// Hint says what to do about it.
func (e *NotOursError) Hint() string {
	return "`slipway adopt --env " + e.Environment + "` shows who owns what of it, and takes it over; the same rollback then puts it back"
}

// Unopposed fails with a *NotOursError where taking changes back would be refused
// because others own fields of theirs. It asks the API server by a dry run for each
// object that goes back, and changes nothing. What cannot be asked is left to Undo.
func Unopposed(ctx context.Context, o Options, changes []Change) error {
	r := newRun(o)
	var err error
	if r.scaled, err = autoscaled(ctx, o.Cluster, o.Namespace); err != nil {
		return err
	}
	var objects []*kube.Object
	for _, c := range changes {
		objects = append(objects, c.Object)
	}
	at, refused := newLive(ctx, o.Cluster, objects), &NotOursError{Environment: o.Environment}
	for _, c := range backwards(changes) {
		live, err := at.read(ctx, c.Object)
		if err != nil || live == nil || r.anothers(live) != "" || deletes(c, live) {
			continue
		}
		var conflict *kube.ConflictError
		if _, err := r.afterUndo(ctx, c, live); errors.As(err, &conflict) && !scaledMeanwhile(err) {
			refused.Conflicts = append(refused.Conflicts, strings.TrimPrefix(conflict.Error(), "apply "))
		}
	}
	if len(refused.Conflicts) > 0 {
		return refused
	}
	return ctx.Err()
}

package release

import (
	"context"

	"github.com/teei/slipway/internal/ledger"
)

// TakeBack brings the environment back from one release to the one before it,
// where no person decides. It goes back once and no further: what is still wrong
// after a rollback is hardly the release, and taking back one after the other
// would end with nothing. Where that release is not to be taken back, it fails
// with a *KeptError.
func TakeBack(ctx context.Context, o Options, number int) (_ *Outcome, err error) {
	defer func() { err = hide(err, o.Rollout.Redact) }()
	lock, err := o.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer o.giveBack(ctx, lock)
	to, err := BackBy(ctx, o.Ledger, number)
	if err != nil {
		return nil, err
	}
	o.say("%s is taken back by itself", o.Ledger.Name(number))
	return o.backTo(ctx, lock, to)
}

// BackBy is the release that a rollback of release number would go back to, where
// no person decides. It changes nothing, and fails with a *KeptError as TakeBack does.
func BackBy(ctx context.Context, l *ledger.Ledger, number int) (to int, err error) {
	o := Options{Ledger: l}
	all, err := l.Releases(ctx)
	if err != nil {
		return 0, err // a damaged record may be of the release before it
	}
	if why := o.kept(all, number); why != "" {
		return 0, &KeptError{Release: l.Name(number), Why: why}
	}
	return standing(all)[1].Number, nil // whatever failed since and was rolled back
}

// kept says why a release is not taken back where no person decides, "" if it may be.
func (o *Options) kept(all []*ledger.Record, number int) string {
	standing, newest := 0, true
	for _, r := range all {
		switch {
		case !r.State.Finished():
			return o.Ledger.Name(r.Number) + " ended in the middle"
		case newest && r.State == ledger.Failed && len(r.Migrations) > 0:
			return o.Ledger.Name(r.Number) + " failed since and left the schema migrated, so what is wrong may come from that"
		case r.State != ledger.Released:
			continue
		case newest && r.Number != number:
			return "the environment is at " + o.Ledger.Name(r.Number) + " now"
		case newest && r.RollbackTo != nil:
			return "a rollback brought back what runs now, and it is taken back no further"
		case newest && r.Accepted != nil:
			return r.Accepted.By.Name() + " accepted it as it was found"
		}
		newest = false
		if r.RollbackTo == nil {
			standing++
		}
	}
	if standing < 2 {
		return "there is no release before it, and nothing would be left"
	}
	return ""
}

// KeptError says that a release stays, where no person decides.
type KeptError struct{ Release, Why string }

func (e *KeptError) Error() string { return e.Release + " is not taken back by itself: " + e.Why }

package release

import (
	"context"

	"github.com/teei/slipway/internal/rollout"
)

// Adopt makes slipway the owner of the fields that kubectl and Helm own of the
// objects to be released, under the release's lock. Nothing in them changes.
func Adopt(ctx context.Context, o Options) error {
	lock, err := o.acquire(ctx)
	if err != nil {
		return err
	}
	defer o.giveBack(ctx, lock)
	ctx, stop := untilLost(ctx, lock)
	defer stop()
	options := o.Rollout
	options.Guard, options.Owner = lock.Guard, o.Ledger.Owner()
	return rollout.Adopt(ctx, options)
}

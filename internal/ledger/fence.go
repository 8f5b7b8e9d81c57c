package ledger

import (
	"context"
	"fmt"
	"strconv"

	"github.com/teei/slipway/internal/kube"
)

// FencedError says that a later run works on an object.
type FencedError struct {
	Object      string
	Ours, Found int64
}

func (e *FencedError) Error() string {
	return fmt.Sprintf("write %s: run %d works on it, and this is run %d", e.Object, e.Found, e.Ours)
}

// Hint says what to do about it.
func (e *FencedError) Hint() string {
	return "this run changes nothing more; `slipway releases` shows what became of it"
}

// Guard decides on a write to an object as it was just read: the lock must be
// ours, and no later run may have stamped the object. Since the write carries
// the resource version that was read, a stamp in between makes it a conflict.
//
// An object that was not there when a later run took over has no stamp, and what
// is made has no version to conflict with. So of one that was just made, the lock
// is asked again: if it is ours now, it was ours then.
func (k *Lock) Guard(ctx context.Context, live *kube.Object) error {
	hold := k.Hold
	if kube.Made(live) {
		hold = k.Confirm
	}
	if err := hold(ctx); err != nil {
		return err
	}
	if live == nil {
		return nil
	}
	found, _ := strconv.ParseInt(live.GetAnnotations()[kube.FenceAnnotation], 10, 64)
	if found > k.Fence {
		return &FencedError{Object: kube.ID(live), Ours: k.Fence, Found: found}
	}
	return nil
}

// Stamp marks objects as this run's, before it takes over what another began:
// that one's writes are refused from then on, even if it was only paused
// between reading and writing.
func (k *Lock) Stamp(ctx context.Context, objects []*kube.Object) error {
	for _, obj := range objects {
		if err := k.Hold(ctx); err != nil {
			return err
		}
		if err := k.ledger.cluster.Annotate(ctx, obj, kube.FenceAnnotation, strconv.FormatInt(k.Fence, 10)); err != nil {
			return err
		}
	}
	return nil
}

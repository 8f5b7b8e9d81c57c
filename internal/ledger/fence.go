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
func (k *Lock) Guard(ctx context.Context, live *kube.Object) error {
	if err := k.Hold(ctx); err != nil {
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

package adopt

import (
	"context"
	"fmt"
	"io"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/rollout"
)

// Accept shows what a release left that is stuck or ended in the middle, and ends it
// so if somebody agrees.
func Accept(ctx context.Context, flags environment.Flags, yes bool, in io.Reader, w io.Writer) error {
	e, err := flags.Open(ctx)
	if err != nil {
		return err
	}
	options, err := e.Release(w)
	if err != nil {
		return err
	}
	record, differing, err := release.Acceptable(ctx, options)
	if err != nil {
		return err
	}
	if record == nil {
		fmt.Fprintf(w, "%s: no release is stuck or ended in the middle; what differs from the manifests, `slipway plan --env %s` shows\n", e.Ledger.Environment, e.Ledger.Environment)
		return nil
	}
	fmt.Fprintf(w, "%s is %s\n", e.Ledger.Name(record.Number), record.State)
	for _, text := range differing {
		fmt.Fprintf(w, "  %s\n", rollout.Clean(text))
	}
	if len(differing) == 0 {
		fmt.Fprintln(w, "  everything is as before")
	}
	if !yes && !action.Confirm(ctx, in, w, "Type yes to accept what is there now: ") {
		return &NotAskedError{What: "accept " + e.Ledger.Name(record.Number) + " as it is"}
	}
	options.Agreed = &release.Way{Unfinished: record.Number}
	outcome, err := release.Accept(ctx, options)
	e.Tell(ctx, w, outcome, err)
	return err
}

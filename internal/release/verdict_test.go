package release

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/ledger"
)

// TestTakenBackIsVerified: what a failed release took back by itself is verified
// as a whole, and the verdict says what was compared and verified, and what not.
func TestTakenBackIsVerified(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		again   error // what the second verification finds
		cancel  bool  // the run, in the middle of the first one
		verdict string
	}{
		{"works again", nil, false, "; the platform was verified again"},
		{"does not", errors.New("flow sign-up: it answered 502"), false, "; the platform does not work all the same"},
		{"is cancelled", nil, true, "; the platform was not verified again, since this run was cancelled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			first := d.planning()
			d.released(d.approve(d.plan(first)), first)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			asked := 0
			broken := errors.New("flow checkout: it answered 500")
			verify := func(context.Context, *ledger.Record) error {
				if asked++; asked > 1 {
					return tt.again
				}
				if tt.cancel {
					cancel()
				}
				return broken
			}
			outcome, err := Run(ctx, Options{Ledger: d.ledger, Rollout: d.planning("$colour", "blue", "$digest", strings.Repeat("2", 64)).Rollout, Verify: verify})
			if !errors.Is(err, broken) || !errors.Is(err, tt.again) && tt.again != nil {
				t.Errorf("both have to be named: %v", err)
			}
			want := "everything is as before: 2 objects compared (1× ConfigMap, 1× Deployment)" + tt.verdict
			if outcome.State != ledger.Failed || outcome.Verdict != want || outcome.Record.Verdict != want {
				t.Errorf("%s: %q, want %q", outcome.State, outcome.Verdict, want)
			}
			if asked > 1 == tt.cancel {
				t.Errorf("verified %d times", asked)
			}
			if !d.plan(first).Empty() {
				t.Errorf("it is not as before: %q", changes(d.plan(first)))
			}
			// What is wrong for another reason does not stand in the way of what mends it.
			green := d.planning("$colour", "green")
			d.released(d.approve(d.plan(green)), green)
		})
	}
}

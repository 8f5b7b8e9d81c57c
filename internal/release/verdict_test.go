package release

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/testenv/testenv"
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
		{"works again", nil, false, "; the platform was verified again; pod templates, images and configuration equal the record of before"},
		{"does not", errors.New("flow sign-up: it answered 502"), false, "; the platform does not work all the same; pod templates, images and configuration equal the record of before"},
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

// TestEditedAfterItWentBack: what somebody changes after it went back, while the
// platform is verified, is found by comparing it with the record once more, and the
// verdict names it. A rollback stays open until it is as before.
func TestEditedAfterItWentBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first, second := d.planning(), d.planning("$colour", "blue", "$digest", strings.Repeat("2", 64))
	d.released(d.approve(d.plan(first)), first)
	edit := func(who, colour string) {
		d.patch(`{"spec": {"template": {"metadata": {"annotations": {"who": ` + who + `}}}}}`)
		testenv.Kubectl(t, "--namespace", d.namespace, "patch", "configmap", "settings", "--type=merge", "--patch", `{"data": {"extra": `+colour+`}}`)
	}
	moved := []string{ // and not the key of somebody else
		"Deployment/" + d.namespace + "/web was changed at spec.template.metadata.annotations.who",
	}
	asked := 0
	o := Options{Ledger: d.ledger, Rollout: second.Rollout, Verify: func(context.Context, *ledger.Record) error {
		if asked++; asked == 1 {
			return errFlows
		}
		edit(`"mara"`, `"pink"`)
		return nil
	}}
	found := func(outcome *Outcome, err error, state ledger.State) {
		t.Helper()
		var changed *MovedError
		if !errors.As(err, &changed) || !slices.Equal(slices.Sorted(slices.Values(changed.Moved)), moved) {
			t.Fatalf("%v", err)
		}
		if outcome.State != state || outcome.Record.Verdict != outcome.Verdict || !strings.Contains(outcome.Verdict, "; since then "+strings.Join(changed.Moved, ", ")) {
			t.Errorf("%s: %s", outcome.State, outcome.Verdict)
		}
	}
	outcome, err := Run(t.Context(), o)
	found(outcome, err, ledger.Failed)
	if !errors.Is(err, errFlows) {
		t.Errorf("what failed first is not told: %v", err)
	}
	edit("null", "null")

	d.released(d.approve(d.plan(second)), second)
	outcome, err = Rollback(t.Context(), o, Previous)
	found(outcome, err, ledger.Stuck)
	edit("null", "null")
	o.Verify = func(context.Context, *ledger.Record) error { return nil }
	outcome, err = Resume(t.Context(), o)
	if err != nil || outcome.State != ledger.Released || !strings.HasSuffix(outcome.Verdict, "equal the record of before") {
		t.Errorf("%+v, %v", outcome, err)
	}
}

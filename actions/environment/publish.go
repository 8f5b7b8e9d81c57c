package environment

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/teei/slipway/actions/workflow"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/publish"
	"github.com/teei/slipway/internal/watch"
)

// longestShow is how long GitHub may take; a release waits for it at its end alone.
const longestShow = time.Minute

// Place is where this environment's releases are shown on GitHub, nil where they
// are not, or where this is no job of a workflow.
func (e *Environment) Place() (*publish.Place, error) {
	rules := e.Platform.Environments[e.Target.Environment].GitHub
	if rules == nil || os.Getenv("GITHUB_ACTIONS") != "true" {
		return nil, nil
	}
	job, err := workflow.Open(os.Getenv)
	if err != nil {
		return nil, err
	}
	return &publish.Place{GitHub: job.GitHub, Rules: rules}, nil
}

// Show makes GitHub show a release, and those that it took back, as the ledger
// has them. What GitHub does not take is a warning: the next release or the watch
// sends it again.
func (e *Environment) Show(ctx context.Context, w io.Writer, r *ledger.Record) {
	e.showing.Wait() // what was told before comes first
	if r == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	records := []*ledger.Record{r}
	if r.RollbackTo != nil {
		all, err := e.Ledger.Releases(ctx)
		if err != nil {
			action.Warning(err.Error())
		}
		for _, other := range all {
			if other.Number > *r.RollbackTo && other.Number < r.Number {
				records = append(records, other)
			}
		}
	}
	e.show(ctx, w, records...)
}

func (e *Environment) show(ctx context.Context, w io.Writer, records ...*ledger.Record) {
	e.publish(ctx, w, func(ctx context.Context, p *publish.Place) error {
		if !p.Rules.Deployments {
			return nil
		}
		return p.Deployments(ctx, records...)
	})
}

// Watched makes GitHub show what the watch found of a release, and that it is
// as the ledger has it.
func (e *Environment) Watched(ctx context.Context, w io.Writer, r *ledger.Record) {
	e.show(ctx, w, r)
	e.publish(ctx, w, func(ctx context.Context, p *publish.Place) error {
		if !p.Rules.Issues {
			return nil
		}
		return p.Breach(ctx, r)
	})
}

func (e *Environment) publish(ctx context.Context, w io.Writer, do func(context.Context, *publish.Place) error) {
	place, err := e.Place()
	if place == nil && err == nil {
		return
	}
	ctx, stop := context.WithTimeout(ctx, longestShow)
	defer stop()
	if err == nil {
		err = do(ctx, place)
	}
	if err != nil {
		fmt.Fprintln(w, "! GitHub does not show it: "+err.Error())
		action.Warning("GitHub does not show it: " + err.Error())
	}
}

// Feedback asks GitHub for what people reported, nil where nobody asks them to.
// While GitHub is away, the watch goes on with what it sees by itself.
func (e *Environment) Feedback() (func(context.Context, time.Time) ([]watch.Sight, error), error) {
	place, err := e.Place()
	if place == nil || err != nil || place.Rules.Feedback == "" {
		return nil, err
	}
	return func(ctx context.Context, since time.Time) ([]watch.Sight, error) {
		sights, err := place.Feedback(ctx, since)
		if err != nil {
			action.Warning("nobody was asked for feedback: " + err.Error())
		}
		return sights, nil
	}, nil
}

package environment

import (
	"context"
	"errors"
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
const longestShow = 30 * time.Second

// Place is where this environment's releases are shown on GitHub, nil where they
// are not, or where this is no job of a workflow.
func (e *Environment) Place() (*publish.Place, error) { return e.placeOf(e.Target.Environment) }

func (e *Environment) placeOf(environment string) (*publish.Place, error) {
	rules := e.Platform.Environments[environment].GitHub
	if rules == nil || os.Getenv("GITHUB_ACTIONS") != "true" {
		return nil, nil
	}
	job, err := workflow.Open(os.Getenv)
	if err != nil {
		return nil, err
	}
	return &publish.Place{GitHub: job.GitHub, Rules: rules}, nil
}

// Show makes GitHub show the releases as the ledger has them. What GitHub does
// not take is a warning: the next release or the watch sends it again.
func (e *Environment) Show(ctx context.Context, w io.Writer) {
	e.showing.Wait() // what was told before comes first
	if err := e.publish(ctx, e.deployments); err != nil {
		warn(w, "GitHub does not show it: "+err.Error())
	}
}

// begun shows a release while it goes on. It says nothing of what GitHub does not
// take: the end is shown again.
func (e *Environment) begun(number int) {
	e.number = number
	e.showing.Go(func() { _ = e.publish(context.Background(), e.deployments) })
}

func (e *Environment) deployments(ctx context.Context, p *publish.Place) error {
	if !p.Rules.Deployments {
		return nil
	}
	records, err := e.Ledger.Releases(ctx)
	if err != nil && !errors.As(err, new(*ledger.DamagedError)) {
		return err
	}
	return p.Deployments(ctx, records)
}

// Watched makes GitHub show what the watch found of a release, and that all are
// as the ledger has them.
func (e *Environment) Watched(ctx context.Context, w io.Writer, r *ledger.Record) {
	e.Show(ctx, w)
	err := e.publish(ctx, func(ctx context.Context, p *publish.Place) error {
		if !p.Rules.Issues {
			return nil
		}
		return p.Breach(ctx, r)
	})
	if err != nil {
		warn(w, "there is no issue of it: "+err.Error())
	}
}

// Signed makes GitHub show a signed record. Where it does not take it, who promotes
// the release has the artifact.
func (e *Environment) Signed(ctx context.Context, w io.Writer, r *ledger.Record, signed []byte) {
	err := e.publish(ctx, func(ctx context.Context, p *publish.Place) error {
		if !p.Rules.Deployments {
			return nil
		}
		return p.Sign(ctx, r, signed)
	})
	if err != nil {
		warn(w, "the signed record is no deployment: "+err.Error())
	}
}

func (e *Environment) publish(ctx context.Context, do func(context.Context, *publish.Place) error) error {
	place, err := e.Place()
	if place == nil || err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), longestShow)
	defer stop()
	return do(ctx, place)
}

// Feedback asks GitHub for what people reported, nil where nobody asks them to.
// While GitHub cannot be asked, the watch goes on with what it sees by itself.
func (e *Environment) Feedback() func(context.Context, time.Time) ([]watch.Sight, error) {
	rules := e.Platform.Environments[e.Target.Environment].GitHub
	if rules == nil || rules.Feedback == "" || os.Getenv("GITHUB_ACTIONS") != "true" {
		return nil
	}
	return func(ctx context.Context, since time.Time) (sights []watch.Sight, _ error) {
		err := e.publish(ctx, func(ctx context.Context, p *publish.Place) (err error) {
			sights, err = p.Feedback(ctx, since)
			return err
		})
		if err != nil {
			action.Warning("nobody was asked for feedback: " + err.Error())
		}
		return sights, nil
	}
}

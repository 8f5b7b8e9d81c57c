package watch

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"time"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/actions/workflow"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/notify"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/watch"
)

// dispatch starts the workflow that takes the release back, once, and returns what
// became of that: the watch itself then needs no rights to change anything, and the
// workflow waits for its own people.
func dispatch(ctx context.Context, e *environment.Environment, r *ledger.Record, w io.Writer) (*ledger.Dispatched, error) {
	if r.Watch.Dispatched != nil {
		return r.Watch.Dispatched, nil
	}
	to, err := release.BackBy(ctx, e.Ledger, r.Number)
	if err != nil {
		return nil, err
	}
	file, branch := e.Platform.Environments[e.Target.Environment].WayBack()
	client, err := workflow.GitHub(os.Getenv)
	if err == nil {
		err = client.Dispatch(ctx, path.Base(file), branch, map[string]string{"environment": e.Target.Environment, "to": strconv.Itoa(to)})
	}
	if err != nil {
		// Without its type: what is found stays a breach, and is no mistake of use.
		return nil, fmt.Errorf("%s was not started: %s: %s", file, err.Error(), cmp.Or(action.Hint(err), "give the job `permissions: {actions: write}`"))
	}
	// Started first, and noted then: what is started twice waits twice for people,
	// and what is noted and was never started would wait for nobody.
	d := &ledger.Dispatched{At: time.Now().UTC().Truncate(time.Second), Workflow: file, To: to, Link: client.Page("actions/workflows/" + path.Base(file))}
	noted, err := watch.Dispatched(ctx, e.Ledger, r.Number, d)
	if err != nil {
		return d, err
	}
	if g := e.Gate(); g != nil && g.Rollback != nil {
		e.Told(ctx, w, r.Number, notify.Message{Event: platform.Waiting, By: r.By.Name(), Verdict: d.String() + "; people approve it at " + d.Link})
	}
	e.Watched(ctx, w, noted)
	return d, nil
}

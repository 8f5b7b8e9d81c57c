package rollback

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/teei/slipway/actions/environment"
	gates "github.com/teei/slipway/actions/gate"
	"github.com/teei/slipway/actions/workflow"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/release"
)

// asks reports whether people have to approve this rollback: in a workflow, where
// the platform names them. Who has the rights in the cluster and sits at a
// terminal could go round it anyway, and must not wait for GitHub.
func (o Options) asks(e *environment.Environment) bool {
	return e.Gate() != nil && e.Gate().Rollback != nil && os.Getenv("GITHUB_ACTIONS") == "true" && !o.Unfinished
}

// approved are the approvals of this rollback, none where nobody is asked.
func (o Options) approved(ctx context.Context, e *environment.Environment, w io.Writer) ([]ledger.Approval, error) {
	if !o.asks(e) {
		return nil, nil
	}
	q, err := o.question(e)
	if err != nil {
		return nil, err
	}
	if q.Gate.Comments {
		if err := ask(ctx, w, q); err != nil {
			return nil, err
		}
	}
	answer, err := gates.Await(ctx, w, o.Wait, false, func() (*gate.Answer, error) {
		q.Now = time.Now()
		return gate.DecideRollback(ctx, q)
	})
	if err != nil {
		return nil, err
	}
	for _, a := range answer.Approvals {
		fmt.Fprintf(w, "approved by %s for %s\n", a.By, a.Group)
	}
	return answer.Approvals, nil
}

func (o Options) question(e *environment.Environment) (q gate.Question, err error) {
	job, err := workflow.Open(os.Getenv)
	if err != nil {
		return q, err
	}
	q = gates.Question(e, job)
	q.Back = &gate.Back{To: "the release before"}
	switch {
	case o.To == 0:
		q.Back.To = "before its first release: what was released is deleted"
	case o.To != release.Previous:
		q.Back.To = fmt.Sprintf("#%d", o.To)
	}
	if o.Database != "" {
		q.Back.Database = filepath.Base(o.Database)
	}
	return q, nil
}

// ask opens the issue on which people approve.
func ask(ctx context.Context, w io.Writer, q gate.Question) error {
	digest, err := q.RollbackDigest()
	if err != nil {
		return err
	}
	address, err := q.Ask(ctx, digest, fmt.Sprintf("%s goes back to %s.", q.Environment, q.Back))
	if err == nil {
		fmt.Fprintf(w, "people approve at %s\n", address)
	}
	return err
}

// decided closes that issue.
func (o Options) decided(ctx context.Context, e *environment.Environment) {
	if !o.asks(e) || !e.Gate().Comments {
		return
	}
	q, err := o.question(e)
	if err == nil {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer stop()
		err = q.Asked(ctx)
	}
	if err != nil {
		action.Warning("the issue of the approval stays open: " + err.Error())
	}
}

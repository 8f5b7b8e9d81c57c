package gate

import (
	"context"
	"fmt"

	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
)

// Back is what a rollback goes back to.
type Back struct {
	To       string // such as #41, or the release before
	Database string // file of the backup that becomes the database, "" for none
}

func (b *Back) String() string {
	if b.Database != "" {
		return b.To + " with the database of " + b.Database
	}
	return b.To
}

// DecideRollback says whether people have approved a rollback. Nothing was planned:
// what they approve is this run of the workflow, whose inputs nobody can change
// any more. The defences are those of a release, but for those that need a plan.
func DecideRollback(ctx context.Context, q Question) (*Answer, error) {
	digest, err := q.RollbackDigest()
	if err != nil {
		return nil, err
	}
	a := &Answer{Digest: digest, Preflight: []plan.Finding{}, Findings: []plan.Finding{}, Approvals: []ledger.Approval{}}
	return a, q.people(ctx, a)
}

// RollbackDigest is what a comment names that approves a rollback.
func (q *Question) RollbackDigest() (string, error) {
	return plan.Digest(map[string]string{
		"environment": q.Environment, "to": q.Back.To, "database": q.Back.Database, "commit": q.SHA, "run": q.name(&github.Run{ID: q.Run, Attempt: q.Attempt}),
	})
}

// strict reports whether an approval has to name the digest. A rollback that is
// reviewed on GitHub has none that anybody could know before its job begins.
func (q *Question) strict() bool {
	return *q.Gate.Digest && (q.Back == nil || q.Gate.Comments)
}

// name of an attempt of a run, as evidence has it.
func (q *Question) name(run *github.Run) string {
	return fmt.Sprintf("%s/%s/%d/%d", q.GitHub.Owner, q.GitHub.Name, run.ID, run.Attempt)
}

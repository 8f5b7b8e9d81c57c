package gate

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/plan"
)

// ApprovalLabel of the issues on which people approve by a comment.
const ApprovalLabel = "slipway-approval"

// Title of the issue for this attempt of this run: another attempt has another
// plan, and an issue of its own.
func (q *Question) Title() string {
	what := "release of " + q.Environment
	if q.Back != nil {
		what = "rollback of " + q.Environment + " to " + q.Back.String()
	}
	return fmt.Sprintf("Approve the %s in run %d, attempt %d", what, q.Run, q.Attempt)
}

// Ask opens the issue on which people approve, with what they decide on, or
// brings the one that there is up to date. It returns its address.
func (q *Question) Ask(ctx context.Context, digest, grounds string) (string, error) {
	body := fmt.Sprintf("%s\n\nWho approves comments, for this and for nothing else:\n\n```\n/approve %s\n```\n\n`/reject` and the reason ends it. A comment that was edited does not count.\n", grounds, short(digest))
	issue, err := q.issue(ctx)
	if err != nil {
		return "", err
	}
	if issue != nil {
		return issue.URL, q.GitHub.ChangeIssue(ctx, issue.Number, body, "open")
	}
	issue, err = q.GitHub.OpenIssue(ctx, q.Title(), body, ApprovalLabel)
	if err != nil {
		return "", err
	}
	return issue.URL, nil
}

// Asked closes the issue: it was decided.
func (q *Question) Asked(ctx context.Context) error {
	issue, err := q.issue(ctx)
	if err != nil || issue == nil {
		return err
	}
	return q.GitHub.ChangeIssue(ctx, issue.Number, issue.Body, "closed")
}

// issue of this run, nil if there is none. A program made it: one that a person
// made could stand before it, without the rejections that are on it.
func (q *Question) issue(ctx context.Context) (*github.Issue, error) {
	issues, err := q.GitHub.Issues(ctx, ApprovalLabel, "open", time.Time{})
	ours := slices.DeleteFunc(issues, func(i github.Issue) bool { return i.Title != q.Title() || i.User.Type != "Bot" })
	switch {
	case err != nil || len(ours) == 0:
		return nil, err
	case len(ours) > 1: // which of them people answered on is not known
		return nil, fmt.Errorf("there are %d open issues %q of programs", len(ours), q.Title())
	}
	return &ours[0], nil
}

var command = regexp.MustCompile(`(?m)^/(approve|reject)\b[ \t]*([^\r\n]*)`)

// comments are the approvals and rejections on the issue of this run. An approval
// that was edited, that a program wrote for a person, or that is older than the
// findings says nothing.
func (q *Question) comments(ctx context.Context, _ int64) ([]github.Review, error) {
	issue, err := q.issue(ctx)
	if err != nil {
		return nil, err
	}
	if issue == nil {
		return nil, errors.New("there is no open issue " + q.Title())
	}
	comments, err := q.GitHub.Comments(ctx, issue.Number)
	var reviews []github.Review
	for _, c := range comments {
		said := command.FindAllStringSubmatch(c.Body, -1)
		if said == nil {
			continue
		}
		// Who does both in one comment has rejected it.
		m := said[max(0, slices.IndexFunc(said, func(m []string) bool { return m[1] == "reject" }))]
		r := github.Review{User: c.User, State: map[string]string{"approve": "approved", "reject": "rejected"}[m[1]], Comment: strings.TrimSpace(m[2]), At: c.Created, URL: c.URL}
		switch {
		case r.State == "rejected": // whatever became of it since: nobody releases against one
		case !c.Updated.Equal(c.Created):
			r.State = "it was edited"
		case c.App != nil:
			r.State = "written by the program " + c.App.Slug
		case !q.known(issue, c.Created):
			r.State = "older than the findings"
		}
		reviews = append(reviews, r)
	}
	return reviews, err
}

// known reports whether who wrote at a time could know what was to be approved.
func (q *Question) known(issue *github.Issue, at time.Time) bool {
	if q.Back != nil {
		return !at.Before(issue.Created)
	}
	looked := q.Evidence.Item(plan.Preflight, "")
	return looked != nil && !at.Before(looked.At.Truncate(time.Second))
}

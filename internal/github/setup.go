package github

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// Repository is what decides which protection GitHub offers.
type Repository struct {
	Visibility string `json:"visibility"` // public, private or internal
	Owner      User   `json:"owner"`
}

// Repository returns the repository that is asked about.
func (c *Client) Repository(ctx context.Context) (*Repository, error) {
	r, err := get[Repository](ctx, c, "repos/%s/%s", c.Owner, c.Name)
	return &r, explain("read repository "+c.Owner+"/"+c.Name, err)
}

// Plan is what the organization pays for, such as enterprise; "" where GitHub does
// not tell this token, which it tells members alone.
func (c *Client) Plan(ctx context.Context) (string, error) {
	o, err := get[struct{ Plan named }](ctx, c, "orgs/%s", c.Owner)
	return o.Plan.Name, explain("read the plan of "+c.Owner, err)
}

// nowhere is a commit that no repository has.
var nowhere = strings.Repeat("0", 40)

// MayDeploy fails if the token may not make deployments. Nothing is made: that of a
// commit which is not there is refused for other reasons.
func (c *Client) MayDeploy(ctx context.Context) error {
	_, err := c.Deploy(ctx, Deployment{Ref: nowhere, Task: ReleaseTask, Environment: "none", Payload: []byte("{}")})
	return refusedFor(err, http.StatusUnprocessableEntity, http.StatusConflict)
}

// MayComment fails if the token may not write to issues, in the same way.
func (c *Client) MayComment(ctx context.Context) error {
	return refusedFor(c.Comment(ctx, noIssue, "nobody reads this"), http.StatusNotFound, http.StatusGone)
}

// MayReadRuns fails if the token may not read runs of workflows, whether or not
// there is one of the first number.
func (c *Client) MayReadRuns(ctx context.Context) error {
	_, err := c.Run(ctx, 1)
	return refusedFor(err, http.StatusNotFound)
}

// MayDispatch fails if the token may not start a workflow, by its file's name, or
// there is none: on a branch that is not there nothing starts.
func (c *Client) MayDispatch(ctx context.Context, workflow string) error {
	return refusedFor(c.Dispatch(ctx, workflow, nowhere, map[string]string{}), http.StatusUnprocessableEntity)
}

// MaySeeDrafts fails if the token may not write contents, as who sees the drafts of
// releases may: one without a tag is refused for other reasons.
func (c *Client) MaySeeDrafts(ctx context.Context) error {
	err := c.post(ctx, "look whether the token sees drafts", c.repo("releases"), map[string]any{"tag_name": "", "draft": true}, nil)
	return refusedFor(err, http.StatusUnprocessableEntity)
}

// noIssue is the number of an issue that no repository gets to.
const noIssue = 1<<31 - 1

// refusedFor is nil for a refusal that says nothing of the token.
func refusedFor(err error, statuses ...int) error {
	var known *Error
	if !errors.As(err, &known) {
		return err
	}
	for _, status := range statuses {
		if known.Status == status {
			return nil
		}
	}
	return err
}

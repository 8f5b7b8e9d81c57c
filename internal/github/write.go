package github

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Tasks of the deployments that are ours: GitHub Actions makes one of its own, of
// the task deploy, for each job of an environment.
const (
	ReleaseTask = "slipway"
	RecordTask  = "slipway-record"
)

// Deployment of a commit to an environment.
type Deployment struct {
	ID          int64           `json:"id,omitempty"`
	Ref         string          `json:"ref"`
	Task        string          `json:"task"`
	Environment string          `json:"environment"`
	Description string          `json:"description"`
	Payload     json.RawMessage `json:"payload"` // an object
}

// DeploymentStatus is what became of a deployment so far.
type DeploymentStatus struct {
	State          string `json:"state"` // in_progress, success, failure, error or inactive
	Description    string `json:"description"`
	LogURL         string `json:"log_url,omitempty"`
	EnvironmentURL string `json:"environment_url,omitempty"`
}

// Deployments are the newest hundred of a task to an environment, the newest first.
func (c *Client) Deployments(ctx context.Context, environment, task string) ([]Deployment, error) {
	query := url.Values{"environment": {environment}, "task": {task}, "per_page": {"100"}}
	list, err := get[[]Deployment](ctx, c, c.repo("deployments?")+escapePercent(query.Encode()))
	return list, explain("read the deployments to "+environment, err)
}

// Deploy makes a deployment. GitHub neither merges anything for it nor asks for
// checks: what a release has to show was decided before. As one of production it is
// not made inactive by the success of another, such as that of the job itself.
func (c *Client) Deploy(ctx context.Context, d Deployment) (int64, error) {
	body := struct {
		Deployment
		Merge      bool     `json:"auto_merge"`
		Contexts   []string `json:"required_contexts"`
		Production bool     `json:"production_environment"`
	}{d, false, []string{}, true}
	var made Deployment
	err := c.write(ctx, "show a deployment to "+d.Environment, http.MethodPost, c.repo("deployments"), body, &made)
	return made.ID, err
}

// Status is the newest of a deployment, nil if it has none.
func (c *Client) Status(ctx context.Context, deployment int64) (*DeploymentStatus, error) {
	list, err := get[[]DeploymentStatus](ctx, c, c.repo("deployments/%s/statuses?per_page=1"), strconv.FormatInt(deployment, 10))
	if err != nil || len(list) == 0 {
		return nil, explain("read the status of deployment "+strconv.FormatInt(deployment, 10), err)
	}
	return &list[0], nil
}

// SetStatus adds a status to a deployment, and to no other one.
func (c *Client) SetStatus(ctx context.Context, deployment int64, s DeploymentStatus) error {
	id := strconv.FormatInt(deployment, 10)
	body := struct {
		DeploymentStatus
		Others bool `json:"auto_inactive"`
	}{s, false}
	return c.write(ctx, "set the status of deployment "+id, http.MethodPost, c.repo("deployments/"+id+"/statuses"), body, nil)
}

// Issue of the repository.
type Issue struct {
	Number  int       `json:"number,omitempty"`
	Title   string    `json:"title,omitempty"`
	Body    string    `json:"body,omitempty"`
	State   string    `json:"state,omitempty"` // open or closed
	URL     string    `json:"html_url,omitempty"`
	User    User      `json:"user"`
	Created time.Time `json:"created_at"`
	// Pull is there for pull requests, which GitHub lists among issues.
	Pull *json.RawMessage `json:"pull_request,omitempty"`
}

// Issues with a label that changed since a time, the newest first; state is open,
// closed or all. Pull requests are not among them.
func (c *Client) Issues(ctx context.Context, label, state string, since time.Time) ([]Issue, error) {
	query := url.Values{"labels": {label}, "state": {state}}
	if !since.IsZero() {
		query.Set("since", since.UTC().Format(time.RFC3339))
	}
	list, err := all(ctx, c, bare[Issue], c.repo("issues?")+escapePercent(query.Encode()))
	var issues []Issue
	for _, i := range list {
		if i.Pull == nil {
			issues = append(issues, i)
		}
	}
	return issues, explain("read the issues labelled "+label, err)
}

// escapePercent keeps an encoded query from being taken for a format.
func escapePercent(s string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] == '%' {
			out = append(out, '%')
		}
		out = append(out, s[i])
	}
	return string(out)
}

// OpenIssue makes an issue with a label.
func (c *Client) OpenIssue(ctx context.Context, title, body, label string) (*Issue, error) {
	var made Issue
	err := c.write(ctx, "open an issue", http.MethodPost, c.repo("issues"), map[string]any{"title": title, "body": body, "labels": []string{label}}, &made)
	return &made, err
}

// ChangeIssue sets body and state of an issue.
func (c *Client) ChangeIssue(ctx context.Context, number int, body, state string) error {
	return c.write(ctx, fmt.Sprintf("change issue #%d", number), http.MethodPatch, c.repo("issues/"+strconv.Itoa(number)), map[string]any{"body": body, "state": state}, nil)
}

// Comment on an issue.
type Comment struct {
	Body    string    `json:"body"`
	User    User      `json:"user"`
	Created time.Time `json:"created_at"`
	Updated time.Time `json:"updated_at"`
	// App that wrote it with a person's token, null where the person did.
	App *struct {
		Slug string `json:"slug"`
	} `json:"performed_via_github_app"`
	URL string `json:"html_url"`
}

// Comments on an issue, the oldest first.
func (c *Client) Comments(ctx context.Context, issue int) ([]Comment, error) {
	list, err := all(ctx, c, bare[Comment], c.repo("issues/%s/comments"), strconv.Itoa(issue))
	return list, explain(fmt.Sprintf("read the comments on issue #%d", issue), err)
}

// Comment adds one to an issue.
func (c *Client) Comment(ctx context.Context, issue int, body string) error {
	return c.write(ctx, fmt.Sprintf("comment on issue #%d", issue), http.MethodPost, c.repo("issues/"+strconv.Itoa(issue)+"/comments"), map[string]string{"body": body}, nil)
}

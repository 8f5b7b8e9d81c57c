package github

import (
	"context"
	"net/http"
	"time"
)

// CheckRun is the result of a check of a commit, as an App tells it.
type CheckRun struct {
	Name       string      `json:"name"`
	SHA        string      `json:"head_sha"`
	Status     string      `json:"status"`     // completed
	Conclusion string      `json:"conclusion"` // success, failure or cancelled
	Started    time.Time   `json:"started_at"`
	URL        string      `json:"details_url,omitempty"`
	Output     CheckOutput `json:"output"`
}

// CheckOutput is what the page of a check run shows.
type CheckOutput struct {
	Title   string `json:"title"`
	Summary string `json:"summary"` // Markdown, 65535 characters at most
}

// AddCheck makes a check run of a commit, which belongs to the App whose token it is.
func (c *Client) AddCheck(ctx context.Context, run CheckRun) error {
	return c.write(ctx, "say of "+short(run.SHA)+" that "+run.Name+" ended in "+run.Conclusion, http.MethodPost, c.repo("check-runs"), run, nil)
}

package github

import (
	"context"
	"net/http"
	"net/url"
)

// Dispatch starts a workflow of the repository by its file's name, on a branch.
func (c *Client) Dispatch(ctx context.Context, workflow, branch string, inputs map[string]string) error {
	return c.write(ctx, "start "+workflow+" on "+branch, http.MethodPost, c.repo("actions/workflows/"+url.PathEscape(workflow)+"/dispatches"),
		map[string]any{"ref": branch, "inputs": inputs}, nil)
}

package github

import "context"

// Protected reports whether nothing comes onto a branch but by a pull request that
// somebody else has approved. No other rule keeps code out that nobody has seen:
// required checks are passed by whoever pushes to another branch first, and those
// about messages, signatures, history or deletion say nothing of who read it.
func (c *Client) Protected(ctx context.Context, branch string) (bool, error) {
	type reviews struct {
		Approving int `json:"required_approving_review_count"`
	}
	type rule struct {
		Type       string  `json:"type"`
		Parameters reviews `json:"parameters"`
	}
	rules, err := all(ctx, c, bare[rule], c.repo("rules/branches/%s"), branch)
	if err != nil {
		return false, explain("read the rules of branch "+branch, err)
	}
	for _, r := range rules {
		if r.Type == "pull_request" && r.Parameters.Approving > 0 {
			return true, nil
		}
	}
	old, err := get[struct {
		Reviews reviews `json:"required_pull_request_reviews"`
	}](ctx, c, c.repo("branches/%s/protection"), branch)
	if err = explain("read the protection of branch "+branch, err); Missing(err) {
		return false, nil
	}
	return err == nil && old.Reviews.Approving > 0, err
}

package github

import (
	"cmp"
	"context"
	"slices"
)

// Release of the repository on GitHub, with its notes.
type Release struct {
	Tag    string `json:"tag_name"`
	Name   string `json:"name"`
	Body   string `json:"body"`
	Target string `json:"target_commitish"` // branch or commit that its tag is to be of
	Draft  bool   `json:"draft"`
	URL    string `json:"html_url"`
}

// Title is what people see of it.
func (r Release) Title() string { return cmp.Or(r.Name, r.Tag) }

// Drafts are the releases that nobody has published yet, among the newest hundred.
// A token that may not write contents is not shown any.
func (c *Client) Drafts(ctx context.Context) ([]Release, error) {
	list, err := get[[]Release](ctx, c, c.repo("releases?per_page=100"))
	return slices.DeleteFunc(list, func(r Release) bool { return !r.Draft }), explain("read the releases", err)
}

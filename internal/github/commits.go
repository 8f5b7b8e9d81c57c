package github

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Analysis of a commit by code scanning.
type Analysis struct {
	SHA   string `json:"commit_sha"`
	Error string `json:"error"` // why it failed, "" where it did not
	Tool  struct {
		Name string `json:"name"`
	} `json:"tool"`
}

// File that differs between two commits.
type File struct {
	Name string `json:"filename"`
	// Patch is empty where the difference is too large for GitHub to show.
	Patch string `json:"patch"`
}

// Comparison of two commits. GitHub names 300 files at most; whether there are
// more is not said.
type Comparison struct {
	URL   string `json:"html_url"`
	Files []File `json:"files"`
}

// Pull is a pull request.
type Pull struct {
	Number int        `json:"number"`
	URL    string     `json:"html_url"`
	Merged *time.Time `json:"merged_at"`
	Labels []named    `json:"labels"`
}

// Labelled reports whether it has a label.
func (p Pull) Labelled(label string) bool {
	return slices.ContainsFunc(p.Labels, func(l named) bool { return strings.EqualFold(l.Name, label) })
}

// Analyses are the newest hundred of code scanning, on a ref such as refs/heads/main.
func (c *Client) Analyses(ctx context.Context, ref string) ([]Analysis, error) {
	analyses, err := get[[]Analysis](ctx, c, c.repo("code-scanning/analyses?per_page=100&ref=%s"), ref)
	return analyses, explain("read what code scanning analysed", err)
}

// Compare says what differs between two commits.
func (c *Client) Compare(ctx context.Context, base, head string) (*Comparison, error) {
	compared, err := get[Comparison](ctx, c, c.repo("compare/%s...%s"), base, head)
	return &compared, explain("compare "+short(base)+" with "+short(head), err)
}

// Pulls are the pull requests that a commit came by.
func (c *Client) Pulls(ctx context.Context, sha string) ([]Pull, error) {
	pulls, err := get[[]Pull](ctx, c, c.repo("commits/%s/pulls"), sha)
	return pulls, explain("read the pull requests of "+short(sha), err)
}

// Authors are the logins of who wrote and who committed a commit; "" stands for
// one whom GitHub knows no account of.
func (c *Client) Authors(ctx context.Context, sha string) ([]string, error) {
	commit, err := get[struct {
		Author    *User `json:"author"`
		Committer *User `json:"committer"`
	}](ctx, c, c.repo("commits/%s"), sha)
	var logins []string
	for _, u := range []*User{commit.Author, commit.Committer} {
		if u == nil {
			u = &User{}
		}
		logins = append(logins, u.Login)
	}
	return logins, explain("read who wrote "+short(sha), err)
}

// Page is the address of one of the repository's pages, for people.
func (c *Client) Page(path string) string {
	host := c.api.BaseURL.Host
	if host == "api.github.com" {
		host = "github.com"
	}
	return c.api.BaseURL.Scheme + "://" + host + "/" + c.Owner + "/" + c.Name + "/" + path
}

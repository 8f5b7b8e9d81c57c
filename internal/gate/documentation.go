package gate

import (
	"context"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
)

// documentation wants something to have been documented since what runs there,
// or a label that says why not.
func (c *Checklist) documentation(ctx context.Context) []plan.Finding {
	const id = "documentation"
	switch {
	case len(c.Gate.Documentation) == 0:
		return nil
	case c.Before == "":
		return []plan.Finding{pass(id, "this is the first release")}
	case c.Before == c.Plan.Source:
		return []plan.Finding{pass(id, "the sources are those that run there already")}
	}
	compared, err := c.compared()
	if err != nil {
		return []plan.Finding{unknown(id, err)}
	}
	for _, file := range compared.Files {
		if slices.ContainsFunc(c.Gate.Documentation, func(pattern string) bool { return platform.Match(pattern, file.Name) }) {
			f := pass(id, "%s changed since %s", file.Name, short(c.Before))
			f.Link = compared.URL
			return []plan.Finding{f}
		}
	}
	f := fail(id, "document what changed, or have it waived where there is nothing to say",
		"none of %s changed since %s", strings.Join(c.Gate.Documentation, ", "), short(c.Before))
	f.Link = compared.URL
	if c.Gate.DocumentationLabel == "" {
		return []plan.Finding{f}
	}
	return []plan.Finding{c.labelled(ctx, f)}
}

// labelled is what a merged pull request of the commit says by its label.
func (c *Checklist) labelled(ctx context.Context, otherwise plan.Finding) plan.Finding {
	pulls, err := c.GitHub.Pulls(ctx, c.Plan.Source)
	if err != nil {
		return unknown(otherwise.ID, err)
	}
	for _, p := range pulls {
		if p.Merged != nil && p.Labelled(c.Gate.DocumentationLabel) {
			f := pass(otherwise.ID, "pull request #%d is labelled %s", p.Number, c.Gate.DocumentationLabel)
			f.Link = p.URL
			return f
		}
	}
	otherwise.Text += ", and no merged pull request of this commit is labelled " + c.Gate.DocumentationLabel
	return otherwise
}

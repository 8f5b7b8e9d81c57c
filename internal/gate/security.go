package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/plan"
)

// severities from the lowest on. Code scanning knows these for security, and
// note, warning and error for the rest.
var severities = []string{"low", "medium", "high", "critical"}

func severity(a github.Alert) int {
	if i := slices.Index(severities, a.Rule.Security); i >= 0 {
		return i
	}
	switch a.Rule.Severity {
	case "note", "none":
		return 0
	case "warning":
		return 1
	}
	return 2 // error, and what nobody knows
}

// security wants code scanning to have looked at the very commit, and to have
// found nothing bad: where nothing was scanned there are no alerts either.
func (c *Checklist) security(ctx context.Context) []plan.Finding {
	const id = "security"
	if c.Gate.Security == "" {
		return nil
	}
	ref, shown := "refs/heads/"+c.Gate.Branch, c.GitHub.Page("security/code-scanning")
	analyses, err := c.GitHub.Analyses(ctx, ref)
	if err != nil {
		return []plan.Finding{unknown(id, err)}
	}
	var tools []string
	for _, a := range analyses {
		if a.SHA == c.Plan.Source && a.Error == "" && !slices.Contains(tools, a.Tool.Name) {
			tools = append(tools, a.Tool.Name)
		}
	}
	if len(tools) == 0 {
		f := fail(id, "let code scanning analyse "+short(c.Plan.Source)+" until it has ended", "code scanning has not analysed %s, so nobody knows what it would find", short(c.Plan.Source))
		f.Link = shown
		return []plan.Finding{f}
	}
	alerts, err := c.GitHub.Alerts(ctx, ref)
	if err != nil {
		return []plan.Finding{unknown(id, err)}
	}
	bad := slices.DeleteFunc(alerts, func(a github.Alert) bool {
		return a.State != "open" || severity(a) < slices.Index(severities, c.Gate.Security)
	})
	if len(bad) > 0 {
		worst := slices.MaxFunc(bad, func(a, b github.Alert) int { return severity(a) - severity(b) })
		f := fail(id, "mend them, or dismiss them on GitHub with the reason", "%d open alerts at %s or above, such as %s in %s", len(bad), c.Gate.Security, worst.Rule.ID, worst.Instance.Location.Path)
		f.Link = worst.URL
		return []plan.Finding{f}
	}
	f := pass(id, "%s", fmt.Sprintf("%s analysed it; no open alert at %s or above", strings.Join(tools, ", "), c.Gate.Security))
	f.Link = shown
	return []plan.Finding{f}
}

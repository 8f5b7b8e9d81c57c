package report

import (
	"fmt"
	"strings"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
)

// Approved is who approved what, when, and on what evidence, as it stands in the
// record of a release.
type Approved struct {
	Digest    string
	Approvals []ledger.Approval
	Evidence  []ledger.Evidence
	Findings  []plan.Finding // on which it was decided
}

// Markdown is "" where nobody approved anything.
func (a Approved) Markdown() string {
	if len(a.Approvals) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "### Approved\n\n%s\n\n| by | for | in | when | said |\n|---|---|---|---|---|\n", code(a.Digest))
	for _, p := range a.Approvals {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", escape(p.By), escape(p.Group), escape(p.Environment), p.Seen.UTC().Format("2006-01-02 15:04:05 MST"), escape(p.Comment))
	}
	if len(a.Evidence) > 0 {
		b.WriteString("\n<details><summary>on this evidence</summary>\n\n| | what | SHA-256 | when |\n|---|---|---|---|\n")
		for _, e := range a.Evidence {
			sign := "✗"
			if e.Passed {
				sign = "✓"
			}
			fmt.Fprintf(&b, "| %s | %s %s | %s | %s |\n", sign, escape(e.Kind), escape(e.Name), code(e.SHA256[:min(12, len(e.SHA256))]), e.At.UTC().Format("2006-01-02 15:04 MST"))
		}
		b.WriteString("\n</details>\n")
	}
	for _, f := range a.Findings {
		if f.Waiver != nil {
			fmt.Fprintf(&b, "\n%s was waived by %s: %s\n", escape(f.ID), escape(f.Waiver.By), escape(f.Waiver.Why))
		}
	}
	b.WriteString("\n")
	return b.String()
}

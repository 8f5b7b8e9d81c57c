package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/teei/slipway/internal/plan"
)

// Findings writes what was looked at before a release, for people who decide.
func Findings(w io.Writer, findings []plan.Finding) error {
	return findingsTable(w, "Preflight", findings)
}

// Gate writes what a gate decided on, and who approved.
func Gate(w io.Writer, findings []plan.Finding, a Approved) error {
	if err := findingsTable(w, "Gate", findings); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n"+a.Markdown())
	return err
}

func findingsTable(w io.Writer, title string, findings []plan.Finding) error {
	var b strings.Builder
	failed := len(plan.Failed(findings))
	b.WriteString("### " + title + "\n\n")
	if failed > 0 {
		fmt.Fprintf(&b, "%s in the way.\n\n", strings.Replace(Count(failed, "finding"), "1 finding", "1 finding is", 1))
	}
	b.WriteString("| | finding | |\n|---|---|---|\n")
	for _, f := range findings {
		name := escape(f.ID)
		if strings.HasPrefix(f.Link, "https://") {
			name = "[" + name + "](" + linkTarget(f.Link) + ")"
		}
		text := escape(f.Text)
		if f.Waiver != nil {
			text += fmt.Sprintf("<br>waived by %s until %s: %s", escape(f.Waiver.By), f.Waiver.Until.UTC().Format("2006-01-02 15:04 MST"), escape(f.Waiver.Why))
		} else if f.Status == plan.Fail && f.Advice != "" {
			text += "<br>" + escape(f.Advice)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", findingMark(f.Status), name, text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// linkTarget keeps a link in its brackets and in its cell.
func linkTarget(link string) string {
	return strings.NewReplacer("(", "%28", ")", "%29", "|", "%7C", " ", "%20", "<", "%3C", ">", "%3E", "\n", "", "\r", "").Replace(link)
}

func findingMark(status string) string {
	switch status {
	case plan.Pass:
		return "✓"
	case plan.Waived:
		return "–"
	}
	return "✗"
}

// FindingsText writes the same for a terminal.
func FindingsText(w io.Writer, findings []plan.Finding) error {
	for _, f := range findings {
		line := fmt.Sprintf("%s %s: %s", findingMark(f.Status), plain(f.ID), plain(f.Text))
		if f.Waiver != nil {
			line += " (waived by " + plain(f.Waiver.By) + ": " + plain(f.Waiver.Why) + ")"
		} else if f.Status == plan.Fail && f.Advice != "" {
			line += "\n    " + plain(f.Advice)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

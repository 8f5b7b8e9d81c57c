package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/teei/slipway/internal/plan"
)

// Compared is what a change of the sources would do, for a pull request.
type Compared struct {
	Plan *plan.Plan
	// Link leads to the run, whose log has every change; "" where there is none.
	Link string
}

// Summary says it in a sentence.
func (c Compared) Summary() string {
	p := c.Plan
	if p.Empty() {
		return "neither manifests nor migrations of " + p.Environment + " change"
	}
	text := fmt.Sprintf("%s: %s changed, %s added", p.Environment, Count(len(p.Objects), "object"), Count(len(p.Migrations), "migration"))
	if names := p.Changed(); len(names) > 0 {
		text += "; new pods for " + strings.Join(names, ", ")
	}
	return text
}

// Markdown writes it for the job's summary.
func (c Compared) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## What this does to %s\n\n%s.\n", escape(c.Plan.Environment), escape(c.Summary()))
	d := Planned{Plan: c.Plan, Evidence: &plan.Evidence{}, Link: c.Link, whole: "the log"}
	d.objects(&b)
	d.migrations(&b)
	b.WriteString("\nImages are not compared here, and nobody was asked: neither cluster nor database.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// Text writes it for a terminal.
func (c Compared) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintln(&b, plain(c.Summary()))
	Planned{Plan: c.Plan}.changes(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

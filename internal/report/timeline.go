package report

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Span is something that took time in a release.
type Span struct {
	Name   string
	Begun  time.Time
	Ended  time.Time
	Failed bool
}

// Released is a release for a job's summary.
type Released struct {
	Name, State, Verdict string
	By                   string
	Environment, Runs    string // what it runs now, in a sentence
	Approved             Approved
	Services             []ServiceOutcome
	Spans                []Span
	Database             string // what became of it, in Markdown
	Next                 string // what a person does now, in Markdown
	Link                 string // to the run, whose artifacts have the rest
}

// mostSpans is how many a picture still shows well.
const mostSpans = 60

var unsafeName = regexp.MustCompile(`[^A-Za-z0-9 ._-]+`)

// Markdown says what became of a release, with a picture of how long what took:
// a Gantt chart of Mermaid, which GitHub draws.
func (r Released) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s %s\n\n%s\n\n", escape(r.Name), escape(r.State), escape(r.Verdict))
	if r.Runs != "" {
		fmt.Fprintf(&b, "**%s %s**\n\n", escape(r.Environment), escape(r.Runs))
	}
	r.services(&b)
	if r.By != "" {
		fmt.Fprintf(&b, "Asked for by %s.\n\n", escape(r.By))
	}
	if r.Database != "" {
		fmt.Fprintf(&b, "### Database\n\n%s\n", r.Database)
	}
	b.WriteString(r.Approved.Markdown())
	r.gantt(&b)
	if r.Next != "" {
		fmt.Fprintf(&b, "\n%s\n", r.Next)
	}
	return b.String()
}

// ServiceOutcome is what became of one service.
type ServiceOutcome struct{ Name, Outcome string }

// services is the table of them, with its total.
func (r Released) services(b *strings.Builder) {
	if len(r.Services) == 0 {
		return
	}
	of := map[string]string{}
	for _, s := range r.Services {
		of[s.Name] = s.Outcome
	}
	fmt.Fprintf(b, "<details><summary>%s</summary>\n\n| service | outcome |\n| --- | --- |\n", escape(Total(of)))
	for _, s := range r.Services {
		fmt.Fprintf(b, "| %s | %s |\n", escape(s.Name), escape(s.Outcome))
	}
	b.WriteString("\n</details>\n\n")
}

func (r Released) gantt(b *strings.Builder) {
	if len(r.Spans) == 0 {
		return
	}
	b.WriteString("```mermaid\ngantt\n  dateFormat x\n  axisFormat %H:%M:%S\n")
	for _, s := range r.Spans[:min(len(r.Spans), mostSpans)] {
		mark := "done"
		if s.Failed {
			mark = "crit"
		}
		end := s.Ended
		if end.Before(s.Begun.Add(time.Millisecond)) {
			end = s.Begun.Add(time.Millisecond)
		}
		fmt.Fprintf(b, "  %s %s :%s, %d, %d\n", unsafeName.ReplaceAllString(s.Name, " "), seconds(end.Sub(s.Begun)), mark, s.Begun.UnixMilli(), end.UnixMilli())
	}
	b.WriteString("```\n")
	if more := len(r.Spans) - mostSpans; more > 0 {
		fmt.Fprintf(b, "\nand %s\n", rest(more, "more step", "report.html", r.Link))
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

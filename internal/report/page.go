package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"mark": findingMark, "short": func(s string) string { return s[:min(12, len(s))] }, "seconds": seconds,
	"time":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") },
	"secure": func(link string) bool { return strings.HasPrefix(link, "https://") },
	"plain":  plain, "inline": inline,
	"image": func(s string) string { return or(ShortImage(s), "nothing") },
}).Parse(pageText))

// Page is a release as one file of HTML, which needs no network: what was
// approved by whom on what findings, how long what took, what was logged.
type Page struct {
	Name   string // such as production #42
	Record *ledger.Record
	// Runs is what the environment runs now, in a sentence.
	Runs string
	// Logs are the last lines of the service that failed.
	Logs []string
	// Said are the last lines of the services that run, as far as they could be read.
	Said []Said
}

// Said is what a service logged last.
type Said struct {
	Service string
	Lines   []string
}

// pageService is one of the plan's table.
type pageService struct {
	Name, Before, Image string
	Changed             bool
	Outcome             string
}

// Services in the order of their names.
func (p Page) Services() (out []pageService) {
	names := map[string]bool{}
	for name := range p.Record.Images {
		names[name] = true
	}
	for name := range p.Record.Outcomes {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		before, changed := p.Record.Before[name]
		out = append(out, pageService{name, before, p.Record.Images[name], changed, p.Record.Outcomes[name]})
	}
	return out
}

// Total counts the services by what became of them.
func (p Page) Total() string { return Total(p.Record.Outcomes) }

// Outcomes of the services in the order of their names.
func Outcomes(r *ledger.Record) (out []ServiceOutcome) {
	for _, name := range slices.Sorted(maps.Keys(r.Outcomes)) {
		out = append(out, ServiceOutcome{name, r.Outcomes[name]})
	}
	return out
}

// Backups that the database can go back to, the newest last.
func (p Page) Backups() (out []ledger.Evidence) {
	for _, e := range p.Record.Evidence {
		if e.Kind == plan.Backup {
			out = append(out, e)
		}
	}
	return out
}

// Loss is what was said, before people approved, of what a rollback would lose.
func (p Page) Loss() string {
	for _, f := range p.Record.Findings {
		if f.Kind() == "rollback-plan" {
			return f.Text
		}
	}
	return ""
}

// Took is how long the release took, 0 while it runs.
func (p Page) Took() time.Duration {
	if p.Record.Ended == nil {
		return 0
	}
	return p.Record.Ended.Sub(p.Record.Started)
}

// Failed counts the findings that stand in the way.
func (p Page) Failed() int { return len(plan.Failed(p.Record.Findings)) }

// inline is our own Markdown, in which nothing but commands is marked.
func inline(text string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		part = template.HTMLEscapeString(part)
		if i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		b.WriteString(part)
	}
	return template.HTML(b.String()) //nolint:gosec // each part is escaped
}

// Next says what to do now.
func (p Page) Next() string { return Next(p.Record) }

// bar of the timeline, in thousandths of the whole.
type bar struct {
	Name        string
	Y, X, Width int
	Took        time.Duration
	Error       string
}

const barHeight = 22

// Bars are the steps on one scale.
func (p Page) Bars() (out []bar) {
	var first, last time.Time
	for _, s := range p.Record.Steps {
		if first.IsZero() || s.Begun.Before(first) {
			first = s.Begun
		}
		if s.Ended != nil && s.Ended.After(last) {
			last = *s.Ended
		}
	}
	whole := max(last.Sub(first), time.Millisecond)
	for _, s := range p.Record.Steps {
		if s.Ended == nil {
			continue
		}
		b := bar{Name: s.Name, Y: len(out)*barHeight + 3, Took: s.Ended.Sub(s.Begun), Error: s.Error}
		b.X = int(1000 * s.Begun.Sub(first) / whole)
		b.Width = max(2, int(1000*b.Took/whole))
		out = append(out, b)
	}
	return out
}

// Height of the timeline.
func (p Page) Height() int { return max(1, len(p.Bars())) * barHeight }

// Write writes the page.
func (p Page) Write(w io.Writer) error {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return fmt.Errorf("write the report of %s: %w", p.Name, err)
	}
	_, err := b.WriteTo(w)
	return err
}

// WriteFile writes the page to a file, all of it or nothing.
func (p Page) WriteFile(file string) error {
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		return err
	}
	if err := replaceFile(file, b.Bytes()); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

// Next is what a person does after a release.
func Next(r *ledger.Record) string {
	at := "--env " + r.Environment
	switch r.State {
	case ledger.Running:
		return "Another run goes on with it. `slipway status " + at + "` says how far it is."
	case ledger.Released:
		if r.Word() == ledger.Uninstalled {
			return "Nothing runs any more. A new plan and its release bring the platform back."
		}
		if r.Watch != nil && r.Watch.Proven != nil {
			return "It is proven; there is nothing to do."
		}
		return "`slipway watch " + at + "` looks after it for a day. `slipway rollback " + at + "` goes back."
	case ledger.Failed:
		return "All is as it was before it. Mend what is named above, and make a new plan."
	case ledger.RolledBack:
		return "A later rollback took it back; there is nothing to do."
	case ledger.Stuck:
		return "It is half done. Mend what is named above, then `slipway resume " + at + "` goes on, or `slipway rollback " + at + " --unfinished` takes it back."
	}
	return ""
}

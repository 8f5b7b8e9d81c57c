package report

import (
	"fmt"
	"strings"
)

// mostMigrations that a summary names.
const mostMigrations = 20

// Database is what became of the database, in Markdown: its schema, the migrations,
// the backups that it can go back to, and what that would lose. It is "" where the
// release has nothing to do with one.
func (p Page) Database() string {
	r := p.Record
	var b strings.Builder
	if s := r.Schema; s != nil {
		fmt.Fprintf(&b, "The schema went from %s to %s: %s.\n\n", code(or(s.Before, "nothing")), code(or(s.After, "nothing")), Count(len(r.Migrations), "migration"))
	}
	for _, name := range r.Migrations[:min(len(r.Migrations), mostMigrations)] {
		fmt.Fprintf(&b, "- %s\n", code(name))
	}
	if more := len(r.Migrations) - mostMigrations; more > 0 {
		fmt.Fprintf(&b, "- and %s\n", rest(more, "more migration", "report.html", r.By.Run))
	}
	for _, e := range p.Backups() {
		compared := "restored and compared"
		if !e.Passed {
			compared = "**not compared**"
		}
		fmt.Fprintf(&b, "- Backup of %s at %s, %s; SHA-256 %s\n", escape(e.Name), e.At.UTC().Format("2006-01-02 15:04:05 MST"), compared, code(e.SHA256[:min(12, len(e.SHA256))]))
	}
	if loss := p.Loss(); loss != "" {
		fmt.Fprintf(&b, "- Going back: %s\n", escape(loss))
	}
	return b.String()
}

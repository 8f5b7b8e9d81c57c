package report

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/teei/slipway/internal/plan"
)

// Planned is a plan with its evidence and digests, to be shown.
type Planned struct {
	Plan     *plan.Plan
	Evidence *plan.Evidence
	// Digest of the plan, Approval of the plan with its evidence; "" where more
	// evidence has to come before anybody approves.
	Digest, Approval string
	// Link leads to the run, which has what is left out; "" where there is none.
	Link string
	// Notes are what is known of the environment now and no part of the plan, such as
	// services that are not healthy.
	Notes []string
	// whole is where all of it stands; "" is the plan's file.
	whole string
}

// NewPlanned is a plan with the evidence for it, made now.
func NewPlanned(p *plan.Plan, items []plan.Item, now time.Time) (Planned, error) {
	d := Planned{Plan: p}
	var err error
	if d.Digest, err = p.Digest(); err != nil {
		return d, err
	}
	d.Evidence = plan.NewEvidence(d.Digest, now, items...)
	d.Approval, err = plan.Approval(p, d.Evidence)
	return d, err
}

// WriteTo writes plan, evidence and plan.md into a folder.
func (d Planned) WriteTo(folder string) error {
	if err := plan.Write(folder, d.Plan, d.Evidence); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := d.Markdown(&b); err != nil {
		return err
	}
	return replaceFile(filepath.Join(folder, "plan.md"), b.Bytes())
}

// What is shown of long things: GitHub takes 1 MiB for a whole summary, and the
// plan's file holds everything.
const (
	mostFields = 40     // of one object
	mostSQL    = 20000  // bytes of one migration
	mostText   = 700000 // bytes, after which objects and migrations are only counted
)

// Markdown writes the plan for people who decide on it.
func (d Planned) Markdown(w io.Writer) error {
	var b strings.Builder
	p := d.Plan
	fmt.Fprintf(&b, "## Plan for %s\n\n", escape(p.Environment))
	if p.Empty() {
		b.WriteString("Nothing would change: there is nothing to release.\n\n")
	} else {
		fmt.Fprintf(&b, "%s.\n\n", d.counts())
	}
	for _, note := range d.Notes {
		fmt.Fprintf(&b, "> %s\n\n", escape(note))
	}
	fmt.Fprintf(&b, "| | |\n|---|---|\n")
	for _, row := range [][2]string{
		{"Asked for by", escape(p.By)}, {"Source", code(p.Source)}, {"Promotes", escape(p.From)}, {"Namespace", code(p.Namespace)},
		{"Only", escape(strings.Join(p.Only, ", "))}, {"Left out", escape(strings.Join(p.LeftOut, ", "))}, {"Excluded", escape(strings.Join(p.Excluded, ", "))}, {"Plan", code(d.Digest)}, {"Approve", code(d.Approval)},
		{"Valid until", d.Evidence.Expires.Format("2006-01-02 15:04 MST")},
	} {
		if row[1] != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", row[0], row[1])
		}
	}
	d.services(&b)
	d.missing(&b)
	d.objects(&b)
	d.migrations(&b)
	d.evidence(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// counts says in a sentence what would happen.
func (d Planned) counts() string {
	p := d.Plan
	return fmt.Sprintf("%s of %d get new pods, %s written, %s applied",
		Count(len(p.Changed()), "service"), len(p.Services), Count(len(p.Objects), "object"), Count(len(p.Migrations), "migration"))
}

func (d Planned) services(b *strings.Builder) {
	b.WriteString("\n### Services, in order\n\n| | service | before | after |\n|--:|---|---|---|\n")
	for i, s := range d.Plan.Services {
		after := code(ShortImage(s.After))
		switch {
		case !s.Changed:
			after = "unchanged"
		case s.Before == s.After:
			after = "same image, new configuration"
		}
		before := code(ShortImage(s.Before))
		if s.Before == "" {
			before = "–"
		}
		fmt.Fprintf(b, "| %d | %s | %s | %s |\n", i+1, escape(s.Name), before, after)
	}
}

// missing is what pods will wait for.
func (d Planned) missing(b *strings.Builder) {
	if len(d.Plan.Missing) == 0 {
		return
	}
	b.WriteString("\n### Missing\n\n")
	for _, line := range d.Missing() {
		fmt.Fprintf(b, "- %s\n", escape(line))
	}
}

// Missing says what pods refer to that is not there, and what comes of it.
func (d Planned) Missing() (lines []string) {
	for _, m := range d.Plan.Missing {
		line := m.String() + " is not there and in no manifest; " + strings.Join(m.For, " and ") + " cannot start without it"
		if m.By != "" {
			line = m.String() + " is not there; " + m.By + " may make it for " + strings.Join(m.For, " and ")
		}
		lines = append(lines, line)
	}
	return lines
}

func (d Planned) objects(b *strings.Builder) {
	if len(d.Plan.Left) > 0 {
		b.WriteString("\n### In no manifest any more\n\n")
		for _, line := range d.Left() {
			fmt.Fprintf(b, "- %s\n", escape(line))
		}
	}
	if len(d.Plan.Objects) == 0 {
		return
	}
	b.WriteString("\n### Objects\n\n")
	for i, o := range d.Plan.Objects {
		if b.Len() > mostText {
			fmt.Fprintf(b, "\n%s.\n", rest(len(d.Plan.Objects)-i, "more object", or(d.whole, "plan.json"), d.Link))
			return
		}
		fmt.Fprintf(b, "<details><summary>%s %s%s</summary>\n\n", o.Action, code(o.ID), why(o))
		if len(o.Fields) > 0 {
			b.WriteString("| field | before | after |\n|---|---|---|\n")
		}
		for j, f := range o.Fields {
			if j == mostFields {
				fmt.Fprintf(b, "| %s | | |\n", rest(len(o.Fields)-j, "more field", or(d.whole, "plan.json"), d.Link))
				break
			}
			fmt.Fprintf(b, "| %s | %s | %s |\n", code(f.Path), fieldValue(f.Before, f.Secret), fieldValue(f.After, f.Secret))
		}
		b.WriteString("\n</details>\n")
	}
}

func fieldValue(v *string, secret bool) string {
	switch {
	case v == nil:
		return "–"
	case secret:
		return "secret " + code(clip(strings.TrimPrefix(*v, "hmac-sha256:"), 8))
	}
	return code(clip(*v, 200))
}

func (d Planned) migrations(b *strings.Builder) {
	if len(d.Plan.Migrations) == 0 {
		return
	}
	b.WriteString("\n### Migrations\n\n")
	if d.Plan.Restore {
		b.WriteString("If the release fails after them, the database goes back to the backup by itself: **what is written after the backup is lost**.\n\n")
	} else {
		b.WriteString("If the release fails after them, the services go back and the schema stays migrated.\n\n")
	}
	for i, m := range d.Plan.Migrations {
		if b.Len() > mostText {
			fmt.Fprintf(b, "\n%s.\n", rest(len(d.Plan.Migrations)-i, "more migration", or(d.whole, "plan.json"), d.Link))
			return
		}
		sql, cut := m.SQL, ""
		if len(sql) > mostSQL {
			sql, cut = strings.ToValidUTF8(sql[:mostSQL], ""), rest(len(sql)-mostSQL, "more byte", or(d.whole, "plan.json"), d.Link)+"\n\n"
		}
		// Not a fence of backticks: the SQL could close it.
		fmt.Fprintf(b, "<details><summary>%s</summary>\n\n<pre>%s</pre>\n\n%s</details>\n",
			code(m.Name), strings.ReplaceAll(html.EscapeString(strings.TrimSpace(sql)), "\n", "&#10;"), cut)
	}
}

func (d Planned) evidence(b *strings.Builder) {
	if len(d.Evidence.Items) == 0 {
		b.WriteString("\nThere is no evidence for it: neither checks nor a backup.\n")
		return
	}
	b.WriteString("\n### Evidence\n\n| | what | when | detail |\n|---|---|---|---|\n")
	for _, i := range d.Evidence.Items {
		sign := "✗"
		if i.Passed {
			sign = "✓"
		}
		fmt.Fprintf(b, "| %s | %s %s | %s | %s |\n", sign, escape(i.Kind), escape(i.Name), i.At.Format("2006-01-02 15:04 MST"), escape(i.Detail))
	}
}

// rest says where what is left out can be seen: in an artifact of the run.
func rest(n int, noun, file, link string) string {
	text := Count(n, noun) + ", in " + file
	if strings.HasPrefix(link, "https://") {
		text += " of the [run](" + linkTarget(link) + ")"
	}
	return text
}

// Summary says in a sentence what would happen.
func (d Planned) Summary() string {
	if d.Plan.Empty() {
		return "nothing would change"
	}
	return d.counts()
}

// String is the plan for a terminal.
func (d Planned) String() string {
	var b strings.Builder
	_ = d.Text(&b) // a Builder never fails
	return strings.TrimRight(b.String(), "\n")
}

// Text writes the plan for a terminal, with every change on a line.
func (d Planned) Text(w io.Writer) error {
	var b strings.Builder
	p := d.Plan
	if p.Empty() {
		fmt.Fprintf(&b, "%s: nothing would change, there is nothing to release\n", p.Environment)
	} else {
		fmt.Fprintf(&b, "%s: %s\n", p.Environment, d.counts())
	}
	for _, note := range d.Notes {
		fmt.Fprintf(&b, "! %s\n", plain(note))
	}
	for i, s := range p.Services {
		if s.Changed {
			fmt.Fprintf(&b, "  %2d. %s  %s → %s\n", i+1, s.Name, or(ShortImage(s.Before), "nothing"), ShortImage(s.After))
		}
	}
	for _, line := range d.Missing() {
		fmt.Fprintf(&b, "  ! %s\n", plain(line))
	}
	d.changes(&b)
	if len(p.Migrations) > 0 && p.Restore {
		b.WriteString("  if it fails after them, the database goes back to the backup and loses what was written since\n")
	}
	for _, i := range d.Evidence.Items {
		fmt.Fprintf(&b, "  evidence: %s %s, %s\n", i.Kind, plain(i.Name), plain(i.Detail))
	}
	fmt.Fprintf(&b, "plan      %s\n", d.Digest)
	if d.Approval == "" {
		fmt.Fprintf(&b, "approval  `slipway preflight --env %s` says what is approved\n", plain(p.Environment))
	} else {
		fmt.Fprintf(&b, "approval  %s  (until %s)\n", d.Approval, d.Evidence.Expires.Format("2006-01-02 15:04 MST"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// changes are objects and migrations, each change on a line.
func (d Planned) changes(b *strings.Builder) {
	marks := map[string]string{plan.Create: "+", plan.Change: "~", plan.Replace: "±", plan.Own: "=", plan.Delete: "-", plan.Leave: "-"}
	for _, o := range d.Plan.Objects {
		fmt.Fprintf(b, "  %s %s%s\n", marks[o.Action], plain(o.ID), why(o))
		for _, f := range o.Fields {
			if o.Action == plan.Change {
				fmt.Fprintf(b, "      %s: %s → %s\n", plain(f.Path), textValue(f.Before), textValue(f.After))
			}
		}
	}
	for _, m := range d.Plan.Migrations {
		fmt.Fprintf(b, "  + migration %s\n", plain(m.Name))
	}
	for _, id := range d.Plan.LeftOut {
		fmt.Fprintf(b, "  left out, it belongs to no service asked for: %s\n", plain(id))
	}
	for _, hook := range d.Plan.Excluded {
		fmt.Fprintf(b, "  excluded, another tool's hook: %s\n", plain(hook))
	}
	for _, line := range d.Left() {
		fmt.Fprintf(b, "  %s\n", plain(line))
	}
}

// why says what is not plain to see of an object's change.
func why(o plan.Object) string {
	if o.Action == plan.Delete {
		return " (deleted once the other kind of this name is healthy)"
	}
	return ""
}

// Left says what the manifests do not have any more, and how to delete it.
func (d Planned) Left() (lines []string) {
	for _, id := range d.Plan.Left {
		lines = append(lines, id+" is in no manifest any more and stays where it is; "+deletion(id)+" deletes it")
	}
	return lines
}

// deletion is the command that deletes an object, Kind/namespace/name.
func deletion(id string) string {
	kind, rest, _ := strings.Cut(id, "/")
	namespace, name, namespaced := strings.Cut(rest, "/")
	if !namespaced {
		return "`kubectl delete " + strings.ToLower(kind) + " " + rest + "`"
	}
	return "`kubectl -n " + namespace + " delete " + strings.ToLower(kind) + " " + name + "`"
}

func textValue(v *string) string {
	if v == nil {
		return "none"
	}
	return clip(plain(*v), 60)
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// Count is a number with its noun.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

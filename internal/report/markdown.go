package report

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// Markdown writes the report in GitHub's Markdown, for a job summary.
func (r Report) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", escape(r.title()))
	if summary := r.summary(); summary != "" {
		fmt.Fprintf(&b, "%s\n\n", escape(summary))
	}
	if r.Runs != "" {
		fmt.Fprintf(&b, "**%s**\n\n", escape(r.Target+" "+r.Runs))
	}
	if len(r.Stages) > 0 {
		b.WriteString("| stage | result | seconds |\n| --- | --- | ---: |\n")
		for _, s := range r.Stages {
			fmt.Fprintf(&b, "| %s | %s %s%s | %.1f |\n", escape(s.Name), mark(s.Status), escape(string(s.Status)), detail(": ", escape(s.Note)), s.Seconds)
		}
		b.WriteByte('\n')
	}
	for _, s := range r.Failures() {
		fmt.Fprintf(&b, "**%s failed**%s\n\n", escape(s.Name), detail(": ", escape(messages(s.Error))))
		for _, line := range []string{detail("hint: ", escape(s.Hint)), detail("log: ", code(s.Log)), detail("repeat: ", code(s.Repeat))} {
			if line != "" {
				fmt.Fprintf(&b, "- %s\n", line)
			}
		}
		b.WriteByte('\n')
	}
	if len(r.Services) > 0 {
		b.WriteString("| # | service | port | image | outcome | seconds |\n| ---: | --- | ---: | --- | --- | ---: |\n")
		for _, s := range r.Services {
			fmt.Fprintf(&b, "| %d | %s | %d | %s | %s | %.1f |\n", s.Order, escape(s.Name), s.Port, code(ShortImage(s.Image)), escape(s.Outcome), s.Seconds)
		}
		b.WriteByte('\n')
	}
	if len(r.Images) > 0 {
		b.WriteString("<details><summary>images</summary>\n\n| image | digest |\n| --- | --- |\n")
		for _, i := range r.Images {
			fmt.Fprintf(&b, "| %s | %s |\n", escape(i.Service), code(i.Digest))
		}
		b.WriteString("\n</details>\n\n")
	}
	if r.Backup != nil {
		fmt.Fprintf(&b, "backup: %s\n\n", r.Backup.line(code))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// AppendMarkdown adds the report to the end of a file, which is what
// $GITHUB_STEP_SUMMARY wants: other steps have written there before.
func (r Report) AppendMarkdown(path string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write the job summary: %w", err)
	}
	err = r.Markdown(file)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write the job summary: %w", err)
	}
	return nil
}

func mark(s Status) string {
	switch s {
	case Passed:
		return "✅"
	case Failed:
		return "❌"
	case Cancelled:
		return "🚫"
	}
	return "⏭️"
}

// escape makes a text from elsewhere mean just itself, in a table cell as well:
// no formatting, link, HTML or further cell. Entities and not backslashes,
// because GitHub splits cells and finds links before it looks at backslashes.
// Mentions and issue numbers are found in the finished page, where an entity is
// a character again; an empty comment keeps them apart.
func escape(s string) string {
	var b strings.Builder
	for _, r := range clip(plain(s), 1000) {
		switch {
		case strings.ContainsRune("\\`*_{}[]!|~<>&:$^+", r):
			fmt.Fprintf(&b, "&#%d;", r)
		case r == '@' || r == '#':
			b.WriteString(string(r) + "<!-- -->")
		default:
			b.WriteRune(r)
		}
	}
	return www.ReplaceAllString(b.String(), "$1&#46;")
}

// www starts a link in GitHub's Markdown, without any scheme.
var www = regexp.MustCompile(`(?i)(www)\.`)

// code shows a text in monospace. The HTML element and not backticks: in those,
// neither a backtick nor, in a table, a pipe can be escaped.
func code(s string) string {
	if s == "" {
		return ""
	}
	return "<code>" + escape(s) + "</code>"
}

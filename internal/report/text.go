package report

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/teei/slipway/internal/rollout"
)

// plain makes a text from elsewhere (a log, an error) safe for one line of a
// terminal: no control characters, so that it can neither move the cursor nor
// start a workflow command on a line of its own.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// messages puts an error into one line. It may be several, a line each, such as why
// a release failed and why it still does after it was taken back.
func messages(err string) string {
	var out string
	for line := range strings.Lines(err) {
		switch line = strings.TrimSpace(line); {
		case line == "":
		case out == "" || strings.HasSuffix(out, ":"): // what follows is its list
			out = strings.TrimSpace(out + " " + line)
		default:
			out = strings.TrimSuffix(out, ";") + "; " + line
		}
	}
	return out
}

// clip shortens a text to width runes.
func clip(s string, width int) string {
	runes := []rune(s)
	if width < 1 || len(runes) <= width {
		return s
	}
	return string(runes[:width-1]) + "…"
}

// ShortImage is what tells one image from another: the last part of its name
// and the beginning of its digest.
func ShortImage(image string) string {
	name, digest, ok := strings.Cut(image, "@")
	if !ok {
		name, digest = "", image
	}
	if i := strings.LastIndex(name, "/"); i >= 0 {
		name = name[i+1:]
	}
	if hex, ok := strings.CutPrefix(digest, "sha256:"); ok {
		digest = "sha256:" + clipHex(hex)
	}
	if name == "" {
		return digest
	}
	return name + "@" + digest
}

func clipHex(s string) string { return s[:min(len(s), 12)] }

// summary is the run in one line.
func (r Report) summary() string {
	counts := map[Status]int{}
	total := 0.0
	for _, s := range r.Stages {
		counts[s.Status]++
		total += s.Seconds
	}
	var parts []string
	for _, status := range []Status{Passed, Failed, Cancelled, Skipped} {
		if n := counts[status]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, status))
		}
	}
	line := strings.Join(parts, ", ")
	of := map[string]string{}
	for _, s := range r.Services {
		of[s.Name] = s.Outcome
	}
	if total := Total(of); total != "" {
		line += "; " + total
	}
	return strings.TrimPrefix(line, "; ")
}

// Total counts services by what became of them, "" for none.
func Total(outcomes map[string]string) string {
	counts := map[string]int{}
	for _, outcome := range outcomes {
		counts[outcome]++
	}
	var parts []string
	for _, o := range rollout.Outcomes {
		switch n := counts[string(o)]; {
		case n == 0:
		case len(parts) > 0:
			parts = append(parts, fmt.Sprintf("%d %s", n, o))
		case n == 1:
			parts = append(parts, fmt.Sprintf("1 service %s", o))
		default:
			parts = append(parts, fmt.Sprintf("%d services %s", n, o))
		}
	}
	return strings.Join(parts, ", ")
}

// title is what was run where.
func (r Report) title() string {
	parts := []string{"slipway"}
	for _, s := range []string{r.Platform, r.Target} {
		if s != "" {
			parts = append(parts, plain(s))
		}
	}
	if r.Commit != "" {
		parts = append(parts, clipHex(plain(r.Commit)))
	}
	return strings.Join(parts, " · ")
}

// backupLine is the backup in one line.
func (b Backup) line(code func(string) string) string {
	verdict := "restored and compared"
	if !b.Verified {
		verdict = "NOT VERIFIED, this is not a backup"
	}
	return fmt.Sprintf("%s (%s), %d tables %s, SHA-256 %s", code(b.Path), byteCount(b.Bytes), b.Tables, verdict, code(clipHex(b.SHA256)))
}

package rollout

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxLine  = 500 // characters of a log line that are kept
	maxLines = 20
)

// Clean makes one line of text from a pod, a node or an event safe to show: no
// control characters or terminal sequences, nothing that changes the direction
// of text, no more than a few hundred characters.
func Clean(text string) string {
	var out strings.Builder
	n := 0
	for i := 0; i < len(text); {
		if skip := escape(text[i:]); skip > 0 {
			i += skip
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			r = ' '
		case r == utf8.RuneError && size == 1, !unicode.IsGraphic(r):
			continue
		}
		if n++; n > maxLine {
			out.WriteString(" …")
			break
		}
		out.WriteRune(r)
	}
	// GitHub's runner takes "##[" anywhere in a line for one of its own commands.
	return strings.ReplaceAll(strings.TrimSpace(out.String()), "##[", "## [")
}

// escape is the length of a terminal sequence at the start of text, or 0.
func escape(text string) int {
	if len(text) < 2 || text[0] != 0x1b {
		return 0
	}
	switch text[1] {
	case '[': // colours, cursor
		for i := 2; i < len(text); i++ {
			if text[i] >= 0x40 && text[i] <= 0x7e {
				return i + 1
			}
		}
		return len(text)
	case ']', 'P', '_', '^', 'X': // titles, links and other strings, up to BEL or ESC \
		for i := 2; i < len(text); i++ {
			if text[i] == 0x07 {
				return i + 1
			}
			if text[i] == 0x1b && i+1 < len(text) && text[i+1] == '\\' {
				return i + 2
			}
			if text[i] == '\n' {
				return i
			}
		}
		return len(text)
	}
	return 2
}

// CleanLines makes the last lines of a log safe to show.
func CleanLines(log []byte) []string {
	var out []string
	for line := range bytes.SplitSeq(log, []byte("\n")) {
		if text := Clean(string(line)); text != "" {
			out = append(out, text)
		}
	}
	return out[max(0, len(out)-maxLines):]
}

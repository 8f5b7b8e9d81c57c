package action

import (
	"bytes"
	"io"
	"unicode"
)

// Harmless is a writer for what pods, migrations and servers said: in a step of a
// workflow the runner takes none of its lines for a command.
func Harmless(w io.Writer) io.Writer {
	if !inWorkflow() {
		return w
	}
	return &harmless{w: w}
}

// harmless writes lines so that the runner takes none for a command. Commands begin
// with :: at a line's beginning, or with ##[ anywhere (ActionCommand in
// github.com/actions/runner).
type harmless struct {
	w     io.Writer
	begun bool // something that the runner does not trim stands in the line
	last  byte
}

// Write never splits what it is given into several writes.
func (h *harmless) Write(p []byte) (int, error) {
	out := make([]byte, 0, len(p)+8)
	for _, c := range p {
		switch {
		case c == ':' && !h.begun:
			out = append(out, "| "...)
		case c == '[' && h.last == '#':
			out = append(out, ' ')
		}
		switch {
		case c == '\n' || c == '\r': // the runner ends lines at both
			h.begun = false
		case c > ' ' && c < 0x7f: // it trims all that Unicode calls space, such as U+00A0
			h.begun = true
		}
		h.last = c
		out = append(out, c)
	}
	if _, err := h.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// printable writes what a person may see at a terminal: nothing in it moves the
// cursor, sets a title or turns text round, whoever said it.
type printable struct{ w io.Writer }

// Write never splits what it is given into several writes.
func (p *printable) Write(text []byte) (int, error) {
	if _, err := p.w.Write(bytes.Map(letter, text)); err != nil {
		return 0, err
	}
	return len(text), nil
}

func letter(r rune) rune {
	if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
		return -1
	}
	return r
}

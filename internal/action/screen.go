package action

import (
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// Screen shows lines to a person. On a terminal one more below them says what
// goes on now, and the next one replaces it.
type Screen struct {
	w    io.Writer
	file *os.File // nil where w is no terminal

	mu    sync.Mutex
	shown bool
}

// NewScreen is one for what somebody may or may not look at.
func NewScreen(w io.Writer) *Screen {
	return &Screen{w: w, file: terminal(w)}
}

// terminal is the one that a writer leads to, nil if it leads to none.
func terminal(w io.Writer) *os.File {
	if p, ok := w.(*printable); ok {
		w = p.w
	}
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return file
	}
	return nil
}

// Say writes a line that stays.
func (s *Screen) Say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	fmt.Fprintf(s.w, format+"\n", args...)
}

// Line returns what shows the line of now, "" to take it away. It is nil where
// nothing can be replaced.
func (s *Screen) Line() func(text string) {
	if s.file == nil {
		return nil
	}
	return s.show
}

func (s *Screen) show(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	if width, _, err := term.GetSize(int(s.file.Fd())); err == nil && width > 0 {
		if runes := []rune(text); len(runes) >= width {
			text = string(runes[:width-1]) // a line that wraps could not be replaced
		}
	}
	s.shown = text != ""
	fmt.Fprint(s.w, text)
}

// clear takes the line of now away.
func (s *Screen) clear() {
	if s.shown {
		s.shown = false
		_, _ = s.file.WriteString("\r\x1b[K") // as with the lines, nobody is there to be told
	}
}

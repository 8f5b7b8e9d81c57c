package action

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// On a real terminal the line of now is replaced, and nothing of it stays.
func TestScreen(t *testing.T) {
	t.Parallel()
	person, program, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer person.Close()
	if err := pty.Setsize(program, &pty.Winsize{Rows: 24, Cols: 20}); err != nil {
		t.Fatal(err)
	}
	s := NewScreen(program)
	show := s.Line()
	s.Say("%s", "· web")
	show("web: 0 of 2 pods ready, 1s")
	show("web: 1 of 2 pods ready, 2s")
	s.Say("✓ web")
	show("")
	s.Say("done")
	if err := program.Close(); err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(person) // ends with EIO, which is how a terminal ends
	want := "· web\r\nweb: 0 of 2 pods re\r\x1b[Kweb: 1 of 2 pods re\r\x1b[K✓ web\r\ndone\r\n"
	if string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestScreenOfNoTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := NewScreen(&out)
	if s.Line() != nil {
		t.Error("a line in a file cannot be replaced")
	}
	s.Say("%d%%", 5)
	if strings.TrimSpace(out.String()) != "5%" {
		t.Errorf("%q", out.String())
	}
}

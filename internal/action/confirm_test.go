package action

import (
	"bufio"
	"io"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// A real terminal asks, and only "yes" is yes.
func TestConfirm(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"yes\n": true, "y\n": false, "\n": false, "no\n": false, "\x04": false} {
		person, program, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := person.WriteString(answer); err != nil {
			t.Fatal(err)
		}
		if got := Confirm(program, program, "restore and lose 3 rows? "); got != want {
			t.Errorf("%q is %t", answer, got)
		}
		if err := program.Close(); err != nil {
			t.Fatal(err)
		}
		shown, _ := io.ReadAll(bufio.NewReader(person)) // ends with EIO, which is how a terminal ends
		if !strings.Contains(string(shown), "restore and lose 3 rows? ") {
			t.Errorf("showed %q", shown)
		}
		_ = person.Close()
	}
}

func TestNobodyToConfirm(t *testing.T) {
	t.Parallel()
	var shown strings.Builder
	if Confirm(strings.NewReader("yes\n"), &shown, "sure? ") || shown.Len() > 0 {
		t.Errorf("a pipe said yes to %q", shown.String())
	}
}

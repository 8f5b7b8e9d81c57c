package action

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// A real terminal asks, and only "yes" is yes.
func TestConfirm(t *testing.T) {
	t.Setenv("GITHUB_ACTIONS", "")
	for answer, want := range map[string]bool{"yes\n": true, "y\n": false, "\n": false, "no\n": false, "\x04": false} {
		person, program, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := person.WriteString(answer); err != nil {
			t.Fatal(err)
		}
		if got := Confirm(t.Context(), program, program, "restore and lose 3 rows? "); got != want {
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
	if Confirm(t.Context(), strings.NewReader("yes\n"), &shown, "sure? ") || shown.Len() > 0 {
		t.Errorf("a pipe said yes to %q", shown.String())
	}
}

// A runner may give its job a terminal; nobody sits there, and a question would
// be waited for until the job is killed.
func TestARunnersTerminal(t *testing.T) {
	t.Setenv("GITHUB_ACTIONS", "true")
	person, program, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer person.Close()
	defer program.Close()
	if _, err := person.WriteString("yes\n"); err != nil {
		t.Fatal(err)
	}
	if AtTerminal(program) || Confirm(t.Context(), program, program, "sure? ") {
		t.Error("a runner was asked")
	}
}

// A question ends with the run that asks.
func TestQuestionIsCancelled(t *testing.T) {
	t.Setenv("GITHUB_ACTIONS", "")
	person, program, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer person.Close()
	defer program.Close()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if Confirm(ctx, program, program, "sure? ") {
		t.Error("nobody said yes")
	}
}

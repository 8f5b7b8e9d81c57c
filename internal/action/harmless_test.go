package action

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"

	"github.com/creack/pty"
	"github.com/spf13/cobra"
)

// obeys reports whether GitHub's runner takes a line for a command, as
// ActionCommand.cs in github.com/actions/runner does: it trims what Unicode calls
// space, and comparing by culture looks past letters that nobody sees.
func obeys(line string) bool {
	line = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, line)
	return strings.HasPrefix(strings.TrimLeftFunc(line, unicode.IsSpace), "::") || strings.Contains(line, "##[")
}

func lines(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
}

// Whatever stands before a command, and however it is written, it is none any more.
func TestHarmless(t *testing.T) {
	t.Setenv("GITHUB_ACTIONS", "true")
	for _, before := range []string{"", " ", "\t", "\u00a0", "\u2003\u3000", "\u0085", "\ufeff", "\u200b", "\u00ad", "\x00", "\x7f", "line\n", "line\r", "\u2028", "  \n \u00a0"} {
		for _, command := range []string{"::set-output name=approved::true", "::add-mask::a", "##[error]fine", ":\u200b:stop-commands::x"} {
			for _, size := range []int{1, 1 << 20} { // of a write
				var out bytes.Buffer
				w := Harmless(&out)
				for rest := []byte(before + command); len(rest) > 0; rest = rest[min(size, len(rest)):] {
					if _, err := w.Write(rest[:min(size, len(rest))]); err != nil {
						t.Fatal(err)
					}
				}
				for _, line := range lines(out.String()) {
					if obeys(line) {
						t.Errorf("a runner obeys %q of %q", line, before+command)
					}
				}
			}
		}
	}
	var out bytes.Buffer
	plain := "✓ web: healthy\n  release #42 [done]\n\u00e9: x :: y\n"
	if _, err := io.WriteString(Harmless(&out), plain); err != nil || out.String() != strings.Replace(plain, "\u00e9:", "\u00e9| :", 1) {
		t.Errorf("%q", out.String())
	}
}

// At a terminal an error that somebody else wrote moves nothing, and the line of
// now is still replaced.
func TestNothingMovesTheTerminal(t *testing.T) {
	t.Setenv("GITHUB_ACTIONS", "")
	person, program, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer person.Close()
	root := &cobra.Command{Use: "x", RunE: func(cmd *cobra.Command, _ []string) error {
		s := NewScreen(cmd.OutOrStdout())
		s.Line()("1 of 2")
		s.Say("%s", "it\u202e said \x1b]0;title\a\u009b2J\rfine")
		fmt.Fprintln(cmd.OutOrStdout(), "tabs\tstay")
		return errors.New("it answered 500 \x1b[2J\x1b[H")
	}}
	Execute(context.Background(), root, nil, program, program)
	if err := program.Close(); err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(person) // ends with EIO, which is how a terminal ends
	want := "1 of 2\r\x1b[Kit said ]0;title2Jfine\r\ntabs\tstay\r\nerror: it answered 500 [2J[H\r\n"
	if string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

package sandbox

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A slow step shows that it goes on, and for how long: a line now and then, or
// one that a terminal renews. What is over at once says nothing.
func TestSlowStepsShowTheirTime(t *testing.T) {
	t.Parallel()
	const renewed = "\r\033[K"
	for name, step := range map[string]struct {
		tty   bool
		takes time.Duration
		err   error
		want  string
	}{
		"at once":       {takes: 100 * time.Millisecond},
		"a second":      {takes: time.Second, want: "✓ build it  1s\n"},
		"a while":       {takes: 40 * time.Second, want: "… build it  2s\n… build it  15s\n… build it  30s\n✓ build it  40s\n"},
		"a failure":     {takes: 16 * time.Second, err: errors.New("no"), want: "… build it  2s\n… build it  15s\n✗ build it: failed after 16s\n"},
		"on a terminal": {tty: true, takes: 3500 * time.Millisecond, want: renewed + "… build it  2s" + renewed + "… build it  3s" + renewed + "✓ build it  3.5s\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				err := NewLog(&out, step.tty).Step("build it", func() error {
					time.Sleep(step.takes)
					return step.err
				})
				// The terminal's second tick and the first word may fall together.
				got := strings.ReplaceAll(out.String(), strings.Repeat(renewed+"… build it  2s", 2), renewed+"… build it  2s")
				if got != step.want || !errors.Is(err, step.err) {
					t.Errorf("%v\n%q\nwant %q", err, got, step.want)
				}
			})
		})
	}
}

// Of a command that fails, the last lines are shown: there programs say why.
func TestCommandThatFails(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := NewLog(&out, false).Run("count", exec.Command("sh", "-c", "seq 20; exit 3"))
	if err == nil || !strings.HasPrefix(err.Error(), "count: exit status 3\n  6\n") || !strings.HasSuffix(err.Error(), "\n  20") {
		t.Errorf("%v", err)
	}
	if !strings.HasPrefix(out.String(), "✗ count: failed after ") {
		t.Errorf("told %q", out.String())
	}
}

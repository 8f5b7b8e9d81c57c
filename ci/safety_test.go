package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
)

func TestNothingButTextReachesTheTerminal(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out)
	p.Say("%s", "\x1b[31mred\x1b[0m \x1b]0;title\x07plain \x1b]8;;http://x\x1b\\link\r\x07\u009b31m\ttab\nline")
	p.Close()
	if got, want := out.String(), "red plain link31m\ttab\nline\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSecretsAreTakenOutOfOutput(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://u:s%2Fcret-word@db/x")
	t.Setenv("API_KEY", "key-of-the-api")
	got := redactor([]string{"DATABASE_URL", "API_KEY"})("a postgres://u:s%2Fcret-word@db/x b s/cret-word c s%2Fcret-word d key-of-the-api e")
	if want := "a *** b *** c *** d *** e"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCachesForget(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	for name, age := range map[string]time.Duration{"old": 2 * keepFor, "new": time.Hour} {
		if err := os.MkdirAll(filepath.Join(dir, name, "inner"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(dir, name), now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	forget(dir, now.Add(-keepFor))
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "new" {
		t.Errorf("%v, %v", left, err)
	}
}

func TestStagesEndAtTheirDeadline(t *testing.T) {
	p := &pipeline{options: Options{Timeout: 10 * time.Millisecond}, platform: &platform.Platform{}}
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for _, name := range []string{"backup", "migrate", "deploy"} {
		var late *timeoutError
		if err := p.within(t.Context(), name, hang); !errors.As(err, &late) || late.name != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	var late *timeoutError
	if err := p.within(cancelled, "backup", hang); !errors.Is(err, context.Canceled) || errors.As(err, &late) {
		t.Errorf("a cancelled stage ends with %v", err)
	}
}

// A check that waits its turn says why it never began: Ctrl-C is no failure.
func TestQueuedCheckTellsWhy(t *testing.T) {
	p := &pipeline{platform: &platform.Platform{Checks: map[string]platform.Check{"lint": {Run: "true"}}}}
	for note, why := range map[string]error{errFailFast.Error(): errFailFast, "cancelled before it began": errors.New("interrupt signal received")} {
		ctx, end := context.WithCancelCause(t.Context())
		end(why)
		stage, err := p.checkOne(ctx, "lint", reach{all: true})
		if !errors.Is(err, context.Canceled) || stage.Status != report.Cancelled || stage.Note != note {
			t.Errorf("%+v, %v, want %q", stage, err, note)
		}
	}
}

// Runs that begin at the same moment write one copy of ci: what was there first
// stays as it is, as the engine may be reading it.
func TestWriteWhole(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "ci-0123")
	if err := writeWhole(file, strings.NewReader("program")); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(file)
	if err != nil || before.Mode().Perm() != 0o755 {
		t.Fatalf("%v, %v", before, err)
	}
	time.Sleep(10 * time.Millisecond) // more than the clock of a file system misses
	if err := writeWhole(file, strings.NewReader("program")); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(file)
	if err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("it was written again: %v, %v", after, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

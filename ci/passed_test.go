package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/platform"
)

// TestSincePass compares with the earlier passes of a workspace in which web
// needs kit, and mail needs nothing.
func TestSincePass(t *testing.T) {
	root, _ := repository(t)
	p := &pipeline{platform: &platform.Platform{Root: root}}
	state := func(rest, kit, web, mail string) sources {
		return sources{All: rest + kit + web + mail, Rest: rest, Packages: map[string]string{"packages/kit": kit, "packages/web": web, "packages/mail": mail}}
	}
	for _, c := range []struct {
		name   string
		passes []sources
		want   []string // nil: all of it runs
	}{
		{"never passed", nil, nil},
		{"one package changed", []sources{state("r", "k", "w", "old")}, []string{"mail"}},
		{"what needs it is reached", []sources{state("r", "old", "w", "m")}, []string{"kit", "web"}},
		{"the lockfile changed", []sources{state("old", "k", "w", "m")}, nil},
		{"the pass with the least difference counts", []sources{state("r", "old", "old", "old"), state("r", "k", "old", "m"), state("r", "old", "w", "m")}, []string{"web"}},
		{"a package was added", []sources{{All: "x", Rest: "r", Packages: map[string]string{"packages/kit": "k", "packages/web": "w"}}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "damaged", "{")
			for _, s := range c.passes {
				memory{dir: dir, now: s}.keep("fine\n")
			}
			got := p.sincePass(dir, state("r", "k", "w", "m"))
			if got == nil {
				got = &reach{}
			}
			if !slices.Equal(got.packages, c.want) || got.all {
				t.Errorf("runs for %v, want %v", got.packages, c.want)
			}
		})
	}
	// Without a lockfile nothing is known of what kit can reach, and the table says so.
	if err := os.Remove(filepath.Join(root, "pnpm-lock.yaml")); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	memory{dir: dir, now: state("r", "old", "w", "m")}.keep("fine\n")
	p = &pipeline{platform: p.platform}
	got := p.sincePass(dir, state("r", "k", "w", "m"))
	if got == nil {
		t.Fatal("nothing says why all of it runs")
	}
	if command, note := got.command(platform.Check{Run: "whole", Affected: "part"}); command != "whole" || !strings.HasPrefix(note, "there is no lockfile") {
		t.Errorf("runs %s: %s", command, note)
	}
}

func TestPassIsKept(t *testing.T) {
	m := memory{dir: t.TempDir(), now: sources{All: "a", Rest: "r", Packages: map[string]string{"x": "1"}}}
	m.keep("12 tests\n")
	got, err := readPass(filepath.Join(m.dir, noteName(m.now)))
	if err != nil || got.Output != "12 tests\n" || got.Sources.Packages["x"] != "1" {
		t.Errorf("%+v %v", got, err)
	}
	memory{}.keep("with --no-cache nothing is noted")
}

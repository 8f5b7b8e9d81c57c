package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestInterleave(t *testing.T) {
	var order []string
	variants := make([]variant, 3)
	for i, name := range []string{"a", "b", "c"} {
		variants[i] = variant{name, func(context.Context) (time.Duration, error) {
			order = append(order, name)
			return time.Duration(len(order)) * time.Second, nil
		}}
	}
	seconds, err := new(bench).interleave(t.Context(), 3, variants...)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, ""); got != "abccbaabc" {
		t.Errorf("ran in the order %s, want abccbaabc", got)
	}
	if want := []float64{1, 6, 7}; !slices.Equal(seconds["a"], want) {
		t.Errorf("a took %v, want %v: a value a round, in the order of rounds", seconds["a"], want)
	}
}

func TestInterleaveRepeatsAFailureOnce(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name           string
		failing        []int // the runs that fail, from 1
		runs, repeated int
		want           error
	}{
		{"none fails", nil, 3, 0, nil},
		{"one fails", []int{2}, 4, 1, nil},
		{"one fails twice", []int{2, 3}, 3, 1, broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, runs := new(bench), 0
			seconds, err := b.interleave(t.Context(), 3, variant{"a", func(context.Context) (time.Duration, error) {
				if runs++; slices.Contains(c.failing, runs) {
					return 0, broken
				}
				return time.Second, nil
			}})
			if !errors.Is(err, c.want) || runs != c.runs || b.repeated != c.repeated {
				t.Errorf("%d runs, %d repeated, %v; want %d, %d, %v", runs, b.repeated, err, c.runs, c.repeated, c.want)
			}
			if err == nil && len(seconds["a"]) != 3 {
				t.Errorf("%d values of 3 rounds", len(seconds["a"]))
			}
		})
	}
}

func TestEdited(t *testing.T) {
	file := filepath.Join(t.TempDir(), "main.ts")
	const source = "export {};\n"
	if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	b, broken := &bench{id: "run"}, errors.New("broken")
	read := func() string {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	seen := map[string]bool{}
	for _, fails := range []error{nil, broken, nil} {
		if err := b.edited(file, func() error { seen[read()] = true; return fails }); !errors.Is(err, fails) {
			t.Errorf("got %v, want %v", err, fails)
		}
		if read() != source {
			t.Errorf("left as %q", read())
		}
	}
	if len(seen) != 3 || seen[source] {
		t.Errorf("three edits showed %d contents: %v", len(seen), seen)
	}
}

func TestPlatformCopy(t *testing.T) {
	b := &bench{options: options{root: t.TempDir()}, scratch: t.TempDir()}
	for _, name := range []string{"package.json", "services/a/src/main.ts", ".npmrc", "node_modules/x/index.js", "services/a/dist/main.js", ".slipway/report.json", ".env"} {
		path := filepath.Join(b.root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	to, err := b.platformCopy("copy")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	err = filepath.WalkDir(to, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			rel, _ := filepath.Rel(to, path)
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{".npmrc", "package.json", "services/a/src/main.ts"}; !slices.Equal(names, want) {
		t.Errorf("copied %v, want %v", names, want)
	}
}

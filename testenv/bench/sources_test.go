package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestEdited(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "main.ts")
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
		if err := b.edited(dir, "main.ts", func() error { seen[read()] = true; return fails }); !errors.Is(err, fails) {
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

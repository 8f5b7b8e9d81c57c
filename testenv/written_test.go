package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/teei/slipway/testenv/testenv"
)

// Commands of the sandbox, and targets of make, that documents and hints name exist.
func TestWrittenCommands(t *testing.T) {
	t.Parallel()
	commands := testenv.Written(t, "..", "testenv")
	if len(commands) < 4 {
		t.Errorf("found %d lines with testenv", len(commands))
	}
	for line, file := range commands {
		cmd, rest, err := command().Find(strings.Fields(line))
		if err != nil {
			t.Errorf("%s: testenv %s: %v", file, line, err)
			continue
		}
		for _, word := range rest {
			if name, isFlag := strings.CutPrefix(word, "--"); isFlag && cmd.Flags().Lookup(name) == nil {
				t.Errorf("%s: testenv %s: there is no flag %s", file, line, word)
			}
		}
	}
	text, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	lines := testenv.Written(t, "..", "make")
	if len(lines) < 8 {
		t.Errorf("found %d lines with make", len(lines))
	}
	for line, file := range lines {
		for _, word := range strings.Fields(line) {
			name, _, set := strings.Cut(word, "=")
			if set && !strings.Contains(string(text), "$("+name+")") || !set && !strings.Contains(string(text), "\n"+name+":") {
				t.Errorf("%s: make %s: there is no %s", file, line, name)
			}
		}
	}
}

// README says of each folder what is in it.
func TestFolders(t *testing.T) {
	t.Parallel()
	table := testenv.Documents(t, "..")["README.md"]
	folders, err := os.ReadDir("../internal")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if f.IsDir() && !strings.Contains(table, "| `internal/"+f.Name()+"` |") {
			t.Errorf("README says nothing of internal/%s", f.Name())
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z/]+)` \\|").FindAllStringSubmatch(table[strings.Index(table, "## Folders"):], -1) {
		if info, err := os.Stat(filepath.Join("..", m[1])); err != nil || !info.IsDir() {
			t.Errorf("README tells of %s, which is no folder", m[1])
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	noWord  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
)

// Links of documents lead to files, and to headings, that are there.
func TestLinks(t *testing.T) {
	t.Parallel()
	documents := testenv.Documents(t, "..")
	found := 0
	for file, text := range documents {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			to, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(to, "://") {
				continue
			}
			found++
			target := file
			if to != "" {
				target = filepath.Join(filepath.Dir(file), to)
			}
			if _, err := os.Stat(filepath.Join("..", target)); err != nil {
				t.Errorf("%s links to %s, which is not there", file, m[1])
			}
			if anchor != "" && !strings.Contains(anchors(documents[target]), "#"+anchor+"\n") {
				t.Errorf("%s links to %s, which has no such heading", file, m[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("found %d links", found)
	}
}

// anchors are what headings are called in links, a line each.
func anchors(text string) (all string) {
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		all += "#" + strings.ReplaceAll(noWord.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-") + "\n"
	}
	return all
}

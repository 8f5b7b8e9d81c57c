package testenv

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	inlineCode = regexp.MustCompile("`([^`\n]+)`")
	aroundIt   = regexp.MustCompile(`^\$ |^dagger run |^go run (\./|github\.com/teei/slipway/)|^\./`)
	comment    = regexp.MustCompile(`(?m)(^|\s)//.*$`)
	quotedWord = regexp.MustCompile(`"[^"]*"|'[^']*'`)
)

// Documents are the Markdown files of the repository that people read, by their
// paths from its root.
func Documents(t *testing.T, root string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "testenv/platform/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		for _, file := range files {
			text, readErr := os.ReadFile(file)
			name, relErr := filepath.Rel(root, file)
			err = errors.Join(err, readErr, relErr)
			texts[name] = string(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return texts
}

// Written are the command lines of a program that people find in documents and
// in the hints of the sources, without its name; each with a file that has it.
// What follows on a value that is put in at run time is left out, and comments are.
func Written(t *testing.T, root, program string) map[string]string {
	t.Helper()
	found := map[string]string{}
	add := func(file, line string) {
		for before := ""; before != line; {
			before, line = line, aroundIt.ReplaceAllString(line, "")
		}
		name, rest, _ := strings.Cut(line, " ")
		name, _, _ = strings.Cut(name, "@")
		if name == program || program == "slipway" && name == "actions" {
			rest, _, _ = strings.Cut(rest, " #")
			found[strings.Join(strings.Fields(quotedWord.ReplaceAllString(rest, "WORDS")), " ")] = file
		}
	}
	for file, text := range Documents(t, root) {
		for _, block := range shellBlock.FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(block[1]) {
				add(file, line)
			}
		}
		for _, code := range inlineCode.FindAllStringSubmatch(text, -1) {
			add(file, code[1])
		}
	}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case slices.Contains([]string{"node_modules", ".git", ".slipway"}, entry.Name()) && entry.IsDir():
			return fs.SkipDir
		case filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(file)
		for _, code := range inlineCode.FindAllStringSubmatch(comment.ReplaceAllString(string(text), ""), -1) {
			line, _, _ := strings.Cut(code[1], `"`)
			line, _, _ = strings.Cut(line, "%")
			add(file, line)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

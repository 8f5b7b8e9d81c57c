package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/action"
)

// nearest is the word that was most likely meant, or "" if none is close.
func nearest(word string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if d := edits(strings.ToLower(word), k); d < distance && d < max(2, len(k)/2+1) {
			best, distance = k, d
		}
	}
	return best
}

// edits is how many letters must be changed to turn a into b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		before := row[0]
		row[0] = i + 1
		for j := range b {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before, row[j+1] = row[j+1], min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// lastLines are the last n lines of an output that are not empty.
func lastLines(output string, n int) []string {
	lines := strings.Split(strings.TrimRight(output, "\n \t\r"), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.TrimSpace(l) == "" })
	return lines[max(0, len(lines)-n):]
}

// shellWord quotes a word for a shell, if it needs that.
func shellWord(s string) string { return action.ShellWord(s) }

// shortPath names a file from where the reader is, if it lies below.
func shortPath(dir, name string) string {
	if rel, err := filepath.Rel(dir, name); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return name
}

// terminal sequences, such as colours.
var sequence = regexp.MustCompile("\x1b(\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)|[@-Z\\\\-_])")

// plain is a text without what would do something to a terminal: what is told
// of commands, migrations and pods is data.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r >= ' ' && r != 0x7f && (r < 0x80 || r > 0x9f) {
			return r
		}
		return -1
	}, sequence.ReplaceAllString(text, ""))
}

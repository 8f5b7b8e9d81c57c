package platform

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in a slipway.yaml, with the place to correct it at.
type Problem struct {
	File    string // as the reader can open it
	Line    int    // from 1
	Column  int    // from 1
	Message string // what is wrong, and what was expected
	Hint    string // what to do about it, or empty
}

// String is the problem on one line, the way compilers and editors write it.
func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// Problems are all the mistakes of a slipway.yaml, in the order of the file.
// They are one error, so that a reader corrects them in one go.
type Problems []Problem

// Error holds one problem a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Usage tells that what was given to Slipway is wrong, not what it found.
func (p Problems) Usage() bool { return true }

func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return slices.Compact(p)
}

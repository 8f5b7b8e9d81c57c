package report

import (
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Place is where in the sources a check failed.
type Place struct {
	File   string `json:"file"` // within the folder of slipway.yaml
	Line   int    `json:"line"`
	Column int    `json:"column,omitempty"`
	Text   string `json:"text"`
}

// MostPlaces of one check are kept: GitHub shows ten of a step.
const MostPlaces = 10

// What compilers, linters and test runners write, without colours.
var (
	// src/a.ts(12,5): error TS2322: …, and at a terminal src/a.ts:12:5 - error TS2322: …
	tscPlain  = regexp.MustCompile(`^(\S[^():]*)\((\d+),(\d+)\): error (TS\d+: .*)$`)
	tscPretty = regexp.MustCompile(`^(\S[^():]*):(\d+):(\d+) - error (TS\d+: .*)$`)
	// A file on a line of its own, and below it what is wrong there.
	eslintFile = regexp.MustCompile(`^(/?[\w@.-][^:()]*\.[cm]?[jt]sx?)$`)
	eslintLine = regexp.MustCompile(`^\s+(\d+):(\d+)\s+error\s+(.*\S)\s*$`)
	// FAIL  file > suite > test, the error, and where it was thrown.
	vitestTest  = regexp.MustCompile(`^\s*FAIL\s+(\S.*)$`)
	vitestError = regexp.MustCompile(`^\s*(\w*(?:Error|Exception): .*\S)\s*$`)
	vitestPlace = regexp.MustCompile(`^\s*❯ (?:.* )?([^\s:]+):(\d+):(\d+)\s*$`)
	wide        = regexp.MustCompile(`\s{2,}`)
)

// Places finds in the output of a check where it failed. The folder is the one
// that the check ran in; a file outside of it has no place in the sources.
func Places(output, folder string) []Place {
	f := finder{folder: folder, known: map[Place]bool{}}
	for line := range strings.Lines(output) {
		f.read(strings.TrimRight(line, "\r\n"))
	}
	return f.found
}

// finder remembers what the lines above said.
type finder struct {
	folder string
	found  []Place
	known  map[Place]bool
	file   string // that eslint names above its lines
	test   string // that failed, as vitest names it; its first place counts
	cause  string
}

func (f *finder) read(line string) {
	if m := tscPlain.FindStringSubmatch(line); m != nil {
		f.add(m[1], m[2], m[3], m[4])
	} else if m := tscPretty.FindStringSubmatch(line); m != nil {
		f.add(m[1], m[2], m[3], m[4])
	} else if m := eslintLine.FindStringSubmatch(line); m != nil && f.file != "" {
		f.add(f.file, m[1], m[2], wide.ReplaceAllString(m[3], "  "))
	} else if m := vitestTest.FindStringSubmatch(line); m != nil {
		f.test, f.cause = m[1], ""
	} else if m := vitestError.FindStringSubmatch(line); m != nil && f.test != "" && f.cause == "" {
		f.cause = m[1]
	} else if m := vitestPlace.FindStringSubmatch(line); m != nil && f.test != "" {
		if f.add(m[1], m[2], m[3], strings.TrimSuffix(f.test+": "+f.cause, ": ")) {
			f.test = ""
		}
	}
	if m := eslintFile.FindStringSubmatch(line); m != nil {
		f.file = m[1]
	} else if strings.TrimSpace(line) == "" {
		f.file = ""
	}
}

// add keeps a place within the folder, once, and reports whether it is one.
func (f *finder) add(file, line, column, text string) bool {
	if rest, ok := strings.CutPrefix(file, strings.TrimSuffix(f.folder, "/")+"/"); ok {
		file = rest
	}
	file = path.Clean(file)
	if path.IsAbs(file) || strings.HasPrefix(file, "..") || strings.Contains("/"+file+"/", "/node_modules/") {
		return false
	}
	p := Place{File: file, Text: text}
	p.Line, _ = strconv.Atoi(line)
	p.Column, _ = strconv.Atoi(column)
	if p.Line < 1 || len(f.found) == MostPlaces || f.known[p] {
		return false
	}
	f.known[p] = true
	f.found = append(f.found, p)
	return true
}

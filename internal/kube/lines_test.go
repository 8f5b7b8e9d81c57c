package kube

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// Each line is handed over, whatever stands before it.
func TestEachLine(t *testing.T) {
	long := strings.Repeat("x", lineHead+3*lineTail) + "end"
	for name, tt := range map[string]struct {
		log  string
		want []string // a last one without its end is marked with +
	}{
		"none":                      {"", nil},
		"lines":                     {"a\nb\n", []string{"a", "b"}},
		"of Windows":                {"a\r\nb\r\n", []string{"a", "b"}},
		"empty ones":                {"\n\na\n", []string{"", "", "a"}},
		"one without an end":        {"a\nb", []string{"a", "b+"}},
		"one longer than a buffer":  {strings.Repeat("y", 70<<10) + "\nafter\n", []string{strings.Repeat("y", 70<<10), "after"}},
		"one longer than is kept":   {long + "\nafter\n", []string{long[:lineHead] + lineCut + long[len(long)-lineTail:], "after"}},
		"one just as long as kept":  {long[:lineHead+lineTail] + "\n", []string{long[:lineHead+lineTail]}},
		"a long one without an end": {"a\n" + long, []string{"a", long[:lineHead] + lineCut + long[len(long)-lineTail:] + "+"}},
	} {
		for _, r := range []io.Reader{strings.NewReader(tt.log), iotest.HalfReader(strings.NewReader(tt.log))} {
			var got []string
			err := eachLine(r, func(line []byte, whole bool) {
				text := string(line)
				if !whole {
					text += "+"
				}
				got = append(got, text)
			})
			if err != nil || strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("%s: %d lines, %v", name, len(got), err)
			}
		}
	}
	broken := iotest.TimeoutReader(strings.NewReader(strings.Repeat("a\n", 100<<10)))
	if err := eachLine(broken, func([]byte, bool) {}); err == nil {
		t.Error("a log that broke off is no error")
	}
}

func TestLastLines(t *testing.T) {
	last := lastLines{most: 10}
	for _, line := range []string{"first", "second", "third", strings.Repeat("x", 50), "end"} {
		last.add([]byte(line))
	}
	if got := string(bytes.Join(last.lines, nil)); got != "end\n" {
		t.Errorf("%q", got)
	}
	last = lastLines{most: 12}
	for _, line := range []string{"first", "second", "third"} {
		last.add([]byte(line))
	}
	if got := string(bytes.Join(last.lines, nil)); got != "third\n" {
		t.Errorf("%q", got)
	}
}

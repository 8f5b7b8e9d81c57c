package probe

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestCriticalLines(t *testing.T) {
	rules := LogRules{
		Levels:   []string{"error", "fatal"},
		Patterns: []*regexp.Regexp{regexp.MustCompile(`^panic:`), regexp.MustCompile(`OutOfMemory`)},
		Allow:    []*regexp.Regexp{regexp.MustCompile(`retrying`)},
	}
	log := strings.Join([]string{
		`{"level":"info","message":"an error that is none"}`,
		`{"level":"ERROR","message":"one"}`,
		`{"severity":"fatal","message":"two"}`,
		`{"level":50,"msg":"three"}`,
		`{"level":30,"msg":"fine"}`,
		`{"level":"error","message":"broken json"`,
		`{"level":"error","message":"lost the connection, retrying"}`,
		`panic: runtime error`,
		`java.lang.OutOfMemoryError`,
		`not panic: at the beginning`,
		`[1,2]`, `null`, `{}`, ``,
	}, "\n") + "\n" + `{"level":"error","message":"cut off in the midd`
	want := []string{
		`{"level":"ERROR","message":"one"}`, `{"severity":"fatal","message":"two"}`, `{"level":50,"msg":"three"}`, `panic: runtime error`, `java.lang.OutOfMemoryError`,
	}
	if got := rules.Critical([]byte(log)); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := (LogRules{}).Critical([]byte(log)); len(got) != 0 {
		t.Errorf("no rules find %q", got)
	}
}

func FuzzLevel(f *testing.F) {
	f.Add(`{"level":"error"}`)
	f.Add(`{"level":{"a":[1]}}`)
	f.Fuzz(func(t *testing.T, line string) {
		if got := level(line); got != strings.ToLower(got) {
			t.Errorf("%q: %q", line, got)
		}
	})
}

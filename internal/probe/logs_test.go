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
	}, "\n")
	want := []string{
		`{"level":"ERROR","message":"one"}`, `{"severity":"fatal","message":"two"}`, `{"level":50,"msg":"three"}`, `panic: runtime error`, `java.lang.OutOfMemoryError`,
	}
	var got []string
	for line := range strings.SplitSeq(log, "\n") {
		if rules.Critical(line) {
			got = append(got, line)
		}
		if (LogRules{}).Critical(line) {
			t.Errorf("no rules find %q", line)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A line whose middle was left out is no JSON any more, and has its level all the same.
func TestLevelOfACutLine(t *testing.T) {
	long := strings.Repeat("x", longLine)
	for line, want := range map[string]string{
		`{"level":"error","message":"` + long + ` … tail"}`: "error",
		`{"message":"` + long + ` … tail", "level":60}`:     "fatal",
		`{"message":"` + long + ` … tail"}`:                 "",
		long:                                                "",
	} {
		if got := level(line); got != want {
			t.Errorf("%s…%s: %q, want %q", line[:30], line[len(line)-20:], got, want)
		}
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

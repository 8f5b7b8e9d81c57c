package action

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// outputs of a file as the runner reads them (FileCommandManager in github.com/actions/runner).
func outputs(t *testing.T, file string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for text := string(data); text != ""; {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		if line == "" {
			continue
		}
		equals, heredoc := strings.Index(line, "="), strings.Index(line, "<<")
		switch {
		case heredoc >= 0 && (equals < 0 || heredoc < equals):
			name, delimiter, _ := strings.Cut(line, "<<")
			var lines []string
			for {
				if text == "" {
					t.Fatalf("%s does not end", name)
				}
				line, text, _ = strings.Cut(text, "\n")
				if line == delimiter {
					break
				}
				lines = append(lines, line)
			}
			out[name] = strings.Join(lines, "\n")
		case equals >= 0:
			out[line[:equals]] = line[equals+1:]
		default:
			t.Fatalf("the runner refuses %q", line)
		}
	}
	return out
}

// hostile values would name another output if their end could be guessed.
var hostile = []string{
	"", "released", "two\nlines", "ends\n", "\n", "a=b", "approved=true", "x<<y\nz\ny",
	"failed\n_GitHubActionsFileCommandDelimeter_\napproved<<_GitHubActionsFileCommandDelimeter_\ntrue",
	"failed\nEOF\napproved=true", "failed\r\napproved=true", "::set-output name=approved::true", strings.Repeat("x", 65<<10),
}

func TestOutputForgesNoOther(t *testing.T) {
	file := filepath.Join(t.TempDir(), "output")
	t.Setenv("GITHUB_OUTPUT", file)
	want := map[string]string{}
	for i, value := range hostile {
		name := fmt.Sprintf("output-%d", i)
		want[name] = value
		Output(name, value)
	}
	got := outputs(t, file)
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d outputs, want %d", len(got), len(want))
	}
}

// Whoever reads one output must not find its delimiter in another.
func TestOutputsEndDifferently(t *testing.T) {
	file := filepath.Join(t.TempDir(), "output")
	t.Setenv("GITHUB_OUTPUT", file)
	Output("first", "1")
	Output("second", "2")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	if len(lines) != 7 || len(lines[2]) < 20 || lines[2] == lines[5] {
		t.Errorf("%q", lines)
	}
}

// An output that cannot be written is told, and nothing falls over.
func TestOutputNotWritten(t *testing.T) {
	t.Setenv("GITHUB_OUTPUT", t.TempDir())
	Output("state", "released")
}

func FuzzOutput(f *testing.F) {
	for _, value := range hostile {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		file := filepath.Join(t.TempDir(), "output")
		if err := appendValue(file, "state", value); err != nil {
			t.Fatal(err)
		}
		if got := outputs(t, file); len(got) != 1 || got["state"] != value {
			t.Errorf("%q became %q", value, got)
		}
	})
}

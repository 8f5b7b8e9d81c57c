package main

import (
	"strings"
	"testing"

	"github.com/teei/slipway/testenv/testenv"
)

// Stages, commands and flags that documents and hints name exist.
func TestWrittenCommands(t *testing.T) {
	t.Parallel()
	lines := testenv.Written(t, "..", "ci")
	if len(lines) < 15 {
		t.Fatalf("found %d", len(lines))
	}
	for line, file := range lines {
		root := (&cli{}).command()
		root.InitDefaultHelpFlag()
		cmd, rest, err := root.Find(strings.Fields(line))
		if err != nil {
			t.Errorf("%s: ci %s: %v", file, line, err)
			continue
		}
		value := false
		for _, word := range rest {
			name, isFlag := strings.CutPrefix(word, "--")
			name, given, _ := strings.Cut(name, "=")
			switch flag := root.Flag(name); {
			case isFlag && flag == nil:
				t.Errorf("%s: ci %s: there is no flag --%s", file, line, name)
			case isFlag:
				value = flag.NoOptDefVal == "" && given == ""
			case value:
				value = false
			case cmd == root:
				if _, err := chosen([]string{word}); err != nil {
					t.Errorf("%s: ci %s: %v", file, line, err)
				}
			}
		}
	}
}

package main

import (
	"strings"
	"testing"

	"github.com/teei/slipway/testenv/testenv"
)

// Commands and flags that documents and hints name exist.
func TestWrittenCommands(t *testing.T) {
	t.Parallel()
	lines := testenv.Written(t, "..", "slipway")
	if len(lines) < 30 {
		t.Fatalf("found %d", len(lines))
	}
	for line, file := range lines {
		cmd, rest, err := command().Find(strings.Fields(line))
		if err != nil {
			t.Errorf("%s: slipway %s: %v", file, line, err)
			continue
		}
		if len(rest) > 0 && !cmd.HasParent() && !strings.HasPrefix(rest[0], "-") {
			t.Errorf("%s: slipway %s: there is no command %s", file, line, rest[0])
		}
		cmd.InitDefaultHelpFlag()
		for _, word := range rest {
			name, isFlag := strings.CutPrefix(word, "--")
			name, _, _ = strings.Cut(name, "=")
			if isFlag && cmd.Flags().Lookup(name) == nil && cmd.InheritedFlags().Lookup(name) == nil {
				t.Errorf("%s: slipway %s: %s has no flag --%s", file, line, cmd.CommandPath(), name)
			}
		}
	}
}

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/pflag"
)

// passedOn are the flags of ci that its action has as inputs: what a workflow
// decides. The others are for people at a terminal.
var passedOn = []string{"env", "root", "output", "affected"}

// TestMetadata holds the action that runs the pipeline against the flags of ci.
// With -update it writes it.
func TestMetadata(t *testing.T) {
	file := filepath.Join("..", "actions", "pipeline", "action.yml")
	want := metadata(t)
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what ci declares; go test ./ci -run Metadata -update writes it:\n%s", file, want)
	}
}

// metadata is its action.yml (docs.github.com, "Metadata syntax for GitHub Actions").
func metadata(t *testing.T) []byte {
	t.Helper()
	var flags pflag.FlagSet
	new(Options).register(&flags)
	var inputs, variables, arguments bytes.Buffer
	for _, name := range passedOn {
		f := flags.Lookup(name)
		if f == nil {
			t.Fatalf("ci has no flag --%s", name)
		}
		variable := "INPUT_" + string(bytes.ToUpper([]byte(name)))
		inputs.WriteString("  " + name + ":\n    description: '" + f.Usage + "'\n")
		variables.WriteString("        " + variable + ": ${{ inputs." + name + " }}\n")
		arguments.WriteString(` ${` + variable + `:+"--` + name + `=$` + variable + `"}`)
	}
	var b bytes.Buffer
	b.WriteString("# Written by `go test ./ci -run Metadata -update` from the command itself.\n" +
		"name: Slipway pipeline\ndescription: 'Run stages of the pipeline: checks, images, backup'\ninputs:\n" +
		"  stages:\n    description: 'stages, with spaces between them, such as check images'\n    required: true\n")
	b.Write(inputs.Bytes())
	b.WriteString("runs:\n  using: composite\n  steps:\n    - shell: bash\n      env:\n" +
		"        SLIPWAY_PROGRAM: ci\n        INPUT_STAGES: ${{ inputs.stages }}\n")
	b.Write(variables.Bytes())
	b.WriteString("      run: |\n        set -f # the stages are words, and no patterns\n" +
		`        exec "$GITHUB_ACTION_PATH/../slipway.sh" $INPUT_STAGES` + arguments.String() + "\n")
	return b.Bytes()
}

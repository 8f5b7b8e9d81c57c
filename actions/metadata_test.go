package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/action"
)

// folders of the actions, and the command that each one runs.
var folders = map[string]string{
	"plan": "plan", "rollout": "apply", "rollback": "rollback", "resume": "resume", "status": "status", "verify": "verify", "watch": "watch",
	"compare": "compare", "preflight": "preflight", "gate": "gate", "checks": "checks", "record": "release", "backup": "backup",
}

// TestMetadata holds each action.yml against its command: the inputs are the
// flags, the outputs what the command declares. With -update it writes them.
func TestMetadata(t *testing.T) {
	for folder, name := range folders {
		t.Run(folder, func(t *testing.T) {
			cmd, _, err := command().Find([]string{name})
			if err != nil {
				t.Fatal(err)
			}
			held(t, filepath.Join(folder, "action.yml"), metadata(cmd, name))
		})
	}
	t.Run("root", func(t *testing.T) { held(t, filepath.Join("..", "action.yml"), rootMetadata()) })
}

func held(t *testing.T, file string, want []byte) {
	t.Helper()
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
		t.Errorf("%s is not what the command declares; go test ./actions -run Metadata -update writes it:\n%s", file, want)
	}
}

// TestOutputsAreSet holds what each command declares against the calls of its
// sources: an output that nobody sets is empty for ever, one that is not declared
// reaches no later step.
func TestOutputsAreSet(t *testing.T) {
	common := outputsSet(t, "environment")
	for folder, name := range folders {
		cmd, _, err := command().Find([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		if name == "release" {
			folder = "releases"
		}
		set := outputsSet(t, folder)
		if set["Tell"] { // of environment, which says how a release ended
			maps.Copy(set, common)
		}
		delete(set, "Tell")
		if got, want := sorted(action.OutputsOf(cmd)), slices.Sorted(maps.Keys(set)); !slices.Equal(got, want) {
			t.Errorf("%s declares the outputs %q and sets %q", name, got, want)
		}
	}
	if len(common) != len(environment.Outputs) {
		t.Errorf("environment declares %q and sets %q", sorted(environment.Outputs), slices.Sorted(maps.Keys(common)))
	}
}

// outputsSet are the names in calls of action.Output in a folder, and Tell where
// environment's is called.
func outputsSet(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no sources: %v", folder, err)
	}
	set := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(source, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if on, _ := f.X.(*ast.Ident); on != nil && on.Name == "e" && f.Sel.Name == "Tell" {
				set["Tell"] = true
			} else if on == nil || on.Name != "action" || f.Sel.Name != "Output" {
				return true
			} else if name, ok := call.Args[0].(*ast.BasicLit); !ok {
				t.Errorf("%s: the name of an output is no literal", file)
			} else {
				set[strings.Trim(name.Value, `"`)] = true
			}
			return true
		})
	}
	return set
}

// metadata is an action.yml (docs.github.com, "Metadata syntax for GitHub Actions").
func metadata(cmd *cobra.Command, name string) []byte {
	var flags []*pflag.Flag
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			flags = append(flags, f)
		}
	})
	var b bytes.Buffer
	write := func(lines ...string) { b.WriteString(strings.Join(lines, "\n") + "\n") }
	write("# Written by `go test ./actions -run Metadata -update` from the command itself.",
		"name: Slipway "+filepath.Base(name), "description: "+quoted(cmd.Short), "inputs:")
	arguments := strings.Fields(cmd.Use)[1:]
	for _, argument := range arguments {
		write("  "+strings.ToLower(argument)+":", "    description: the "+argument+" of the command", "    required: true")
	}
	for _, f := range flags {
		write("  "+f.Name+":", "    description: "+quoted(f.Usage))
		if len(f.Annotations[cobra.BashCompOneRequiredFlag]) > 0 {
			write("    required: true")
		} else if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
			write("    default: " + quoted(f.DefValue))
		}
	}
	outputs := action.OutputsOf(cmd)
	if len(outputs) > 0 {
		write("outputs:")
	}
	for _, output := range sorted(outputs) {
		write("  "+output+":", "    description: "+quoted(outputs[output]), "    value: ${{ steps.run.outputs."+output+" }}")
	}
	write("runs:", "  using: composite", "  steps:", "    - id: run")
	if name == "rollback" {
		// Whether it runs says who uses it: the last step of a job that failed or was
		// cancelled, whose state this one would else wait to be a success.
		write("      if: always()")
	}
	write("      shell: bash", "      env:")
	run := `      run: exec "$GITHUB_ACTION_PATH/../slipway.sh" ` + name
	for _, argument := range arguments {
		write("        " + action.InputVariable(argument) + ": ${{ inputs." + strings.ToLower(argument) + " }}")
		run += ` "$` + action.InputVariable(argument) + `"`
	}
	for _, f := range flags {
		write("        " + action.InputVariable(f.Name) + ": ${{ inputs." + f.Name + " }}")
	}
	write(run)
	return b.Bytes()
}

// rootMetadata is the front door: one command with what all of them have.
func rootMetadata() []byte {
	outputs := map[string]string{}
	var names []string
	for _, name := range folders {
		if cmd, _, _ := command().Find([]string{name}); atTheFrontDoor(cmd) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		cmd, _, _ := command().Find([]string{name})
		for output, meaning := range action.OutputsOf(cmd) {
			if outputs[output] == "" {
				outputs[output] = meaning
			}
		}
	}
	var b bytes.Buffer
	write := func(lines ...string) { b.WriteString(strings.Join(lines, "\n") + "\n") }
	write("# Written by `go test ./actions -run Metadata -update`.",
		"name: Slipway", "description: Launch the services of a platform in order, and bring them back",
		"inputs:",
		"  command:", "    description: "+quoted("command of slipway, such as "+strings.Join(names, ", ")), "    required: true",
		"  env:", "    description: environment of slipway.yaml", "    required: true",
		"  config:", "    description: path of slipway.yaml", "    default: slipway.yaml")
	for _, input := range frontDoor {
		write("  "+input+":", "    description: "+quoted("--"+input+" of the command"))
	}
	write("outputs:")
	for _, output := range sorted(outputs) {
		write("  "+output+":", "    description: "+quoted(outputs[output]), "    value: ${{ steps.run.outputs."+output+" }}")
	}
	write("runs:", "  using: composite", "  steps:", "    - id: run", "      shell: bash", "      env:")
	for _, input := range append([]string{"command", "env", "config"}, frontDoor...) {
		write("        " + action.InputVariable(input) + ": ${{ inputs." + input + " }}")
	}
	write(`      run: exec "$GITHUB_ACTION_PATH/actions/slipway.sh" "$INPUT_COMMAND"`)
	return b.Bytes()
}

// frontDoor are the inputs of the root action that are flags.
var frontDoor = []string{"approval", "from", "to", "yes"}

// atTheFrontDoor reports whether the root action can give a command all it needs.
func atTheFrontDoor(cmd *cobra.Command) bool {
	can := len(strings.Fields(cmd.Use)) == 1
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if len(f.Annotations[cobra.BashCompOneRequiredFlag]) > 0 && f.Name != "env" && !slices.Contains(frontDoor, f.Name) {
			can = false
		}
	})
	return can
}

func sorted(m map[string]string) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

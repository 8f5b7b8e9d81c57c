package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/action"
)

// What a dispatch may be given in each free input of the actions: whatever it is,
// it is refused in one sentence, before anything is asked, and it is no command.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "slipway.yaml"), []byte(gatePlatform), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := map[string]string{
		"65 kB":             strings.Repeat("x", 65<<10),
		"newlines":          "staging#41\n::set-output name=approval::x",
		"a carriage return": "staging#41\r##[add-mask]x",
		"hidden letters":    "stag\u200bing#41",
		"turned round":      "production\u202e24#gnigats",
		"an escape":         "staging#41\x1b[2J",
		"no text":           "staging\xff",
	}
	names := map[string]string{"look-alikes": "pr\u043educti\u043en", "wide letters": "\uff50roduction"}
	for _, tt := range []struct {
		input string
		args  []string
		name  bool
		lines bool
	}{
		{"env", []string{"verify"}, true, false}, {"env", []string{"rollback"}, true, false},
		{"root", []string{"plan", "--env", "production"}, false, false},
		{"from", []string{"plan", "--env", "production"}, true, false},
		{"record", []string{"plan", "--env", "production"}, false, false}, {"record", []string{"preflight", "--env", "production"}, false, false},
		{"waive", []string{"preflight", "--env", "production"}, false, true}, {"expect-changed", []string{"preflight", "--env", "production"}, false, false},
		{"to", []string{"rollback", "--env", "production"}, true, false},
		{"approval", []string{"apply", "--env", "production"}, false, false},
		{"reason", []string{"unlock", "--env", "production"}, false, false}, {"reason", []string{"watch", "--env", "production", "--acknowledge", "1"}, false, false},
	} {
		values := bad
		if tt.name {
			values = map[string]string{}
			for _, m := range []map[string]string{bad, names} {
				for kind, value := range m {
					values[kind] = value
				}
			}
		}
		for kind, value := range values {
			t.Run(tt.args[0]+" "+tt.input+" "+kind, func(t *testing.T) {
				t.Setenv("GITHUB_ACTIONS", "true")
				variable := action.InputVariable(tt.input)
				t.Setenv(variable, value)
				args := tt.args
				if tt.input != "root" {
					args = append(args[:len(args):len(args)], "--root", dir)
				}
				var out, errors bytes.Buffer
				code := action.Execute(context.Background(), command(), args, &out, &errors)
				message, _, _ := strings.Cut(errors.String(), "\nhint: ")
				if code != action.Usage || !strings.HasPrefix(message, "error: ") || strings.Count(message, "\n") > 0 || len(message) > 1400 {
					t.Errorf("exit %d: %.500s", code, errors.String())
				}
				if tt.lines && kind == "newlines" {
					return // a plan that is not there is what stops it
				}
				if !strings.Contains(message, tt.input) {
					t.Errorf("it does not say which input: %s", message)
				}
				if strings.Contains(out.String()+errors.String(), "\n::") {
					t.Errorf("a command: %q", errors.String())
				}
			})
		}
	}
}

package action

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// hinting is a program with two commands, of which one fails with a hint.
func hinting(hint string) *cobra.Command {
	root := &cobra.Command{Use: "slipway", Args: cobra.NoArgs}
	for _, name := range []string{"rollback", "release"} {
		cmd := &cobra.Command{Use: name, Args: cobra.ArbitraryArgs, RunE: func(*cobra.Command, []string) error {
			return &Error{Code: Failed, Err: errors.New("no"), Advice: hint}
		}}
		cmd.Flags().String("env", "", "")
		cmd.Flags().String("root", ".", "")
		cmd.Flags().StringSlice("only", nil, "")
		cmd.Flags().Bool("json", false, "")
		root.AddCommand(cmd)
	}
	root.AddCommand(&cobra.Command{Use: "init", RunE: func(*cobra.Command, []string) error { return nil }})
	return root
}

// A hint says the whole command: where it works, and what was given to the one that
// is to be made again.
func TestHintsArePasteable(t *testing.T) {
	for _, tt := range []struct {
		args       []string
		hint, want string
	}{
		{[]string{"rollback", "--env", "production"}, "`slipway release` lists it", "`slipway release --env production` lists it"},
		{[]string{"rollback", "--env", "production", "--root=it's here"}, "`slipway release 42`, `slipway init`", "`slipway release 42 --env production --root 'it'\\''s here'`, `slipway init`"},
		{[]string{"rollback", "--env", "production"}, "`slipway rollback --env staging --json`", "`slipway rollback --env staging --json`"},
		{[]string{"rollback", "--env", "production", "--json", "--only=a b", "--only=c,d"}, "`{again} --yes` does it", "`slipway rollback --env production --json --only 'a b,c,d' --yes` does it"},
		{[]string{"release", "4", "--env=production", "--json=false"}, "`{again}`", "`slipway release 4 --env production --json=false`"},
		{[]string{"release", "--env", "production"}, "`ci backup`, `kubectl get pods`, `unknown`, ` `", "`ci backup --env production`, `kubectl get pods`, `unknown`, ` `"},
		{[]string{"release", "--env", "sandbox"}, "`ci backup`, `slipway release`", "`ci backup`, `slipway release --env sandbox`"},
		{[]string{"release"}, "`slipway release`", "`slipway release`"},
	} {
		var stderr bytes.Buffer
		if code := Execute(t.Context(), hinting(tt.hint), tt.args, new(bytes.Buffer), &stderr); code != Failed {
			t.Errorf("%q: exit code %d, %s", tt.args, code, &stderr)
		}
		if _, got, _ := strings.Cut(stderr.String(), "hint: "); strings.TrimSuffix(got, "\n") != tt.want {
			t.Errorf("%q\n got %s\nwant %s", tt.args, got, tt.want)
		}
	}
}

// Whatever a flag was given, its hint is one line between backticks, and a shell reads
// the same from it.
func TestHintsOfHostileValues(t *testing.T) {
	for _, value := range []string{"a`touch x`b", "two\nlines'", "\x1b]0;title\x07", `it's \x41`, "$(id) ${HOME} !! ~", "\xff\u009b`é"} {
		word := hintWord(value)
		if strings.ContainsAny(word, "`\n\x1b\x07\u009b") {
			t.Errorf("%q: %q", value, word)
		}
		out, err := exec.Command("bash", "-c", "printf %s "+word).Output()
		if err != nil || string(out) != value {
			t.Errorf("%s is %q to a shell, want %q: %v", word, out, value, err)
		}
	}
}

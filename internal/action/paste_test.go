package action

import (
	"bytes"
	"errors"
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

package action

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/internal/platform"
)

func TestExecute(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   []string
		err    error
		code   int
		stderr string
	}{
		{"fine", nil, nil, OK, ""},
		{"unknown flag", []string{"--nope"}, nil, Usage, "error: unknown flag: --nope\nhint: x --help lists what there is\n"},
		{"any error", nil, errors.New("apply web: refused"), Failed, "error: apply web: refused\n"},
		{"usage", nil, fmt.Errorf("resolve: %w", &platform.UsageError{Message: "no such place", Advice: "choose another"}), Usage, "error: resolve: no such place\nhint: choose another\n"},
		{"infrastructure", nil, &platform.InfrastructureError{Message: "no engine", Advice: "start one"}, Infrastructure, "error: no engine\nhint: start one\n"},
		{"problems", nil, platform.Problems{{File: "a", Line: 1, Column: 2, Message: "m"}, {File: "a", Line: 3, Column: 4, Message: "n", Hint: "h"}}, Usage, "a:1:2: m\na:3:4: n (h)\n"},
		{"given a code", nil, &Error{Code: Infrastructure, Err: errors.New("no disk"), Advice: "buy one"}, Infrastructure, "error: no disk\nhint: buy one\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := &cobra.Command{Use: "x", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return c.err }}
			var stdout, stderr bytes.Buffer
			code := Execute(context.Background(), root, c.args, &stdout, &stderr)
			if code != c.code || stderr.String() != c.stderr {
				t.Errorf("exit %d, want %d, and %q", code, c.code, stderr.String())
			}
		})
	}
}

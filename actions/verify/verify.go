// Package verify is `slipway verify`: is an environment as its newest release
// left it, and does it work?
package verify

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/ledger"
)

// Command is `slipway verify`.
func Command() *cobra.Command {
	var flags environment.Flags
	cmd := &cobra.Command{
		Use: "verify", Short: "Verify that an environment runs what was released, and that it works", Args: cobra.NoArgs,
		Long: "Verify that an environment runs what its newest release left there, and that it works: the commands\n" +
			"of verify.inside run in the cluster, the flows are walked, Prometheus is asked about errors and\n" +
			"latency, and each service has to be healthy, by itself and through its Service. Nothing is changed.",
		RunE: func(cmd *cobra.Command, _ []string) error { return Run(cmd.Context(), flags, cmd.OutOrStdout()) },
	}
	action.Outputs(cmd, map[string]string{"release": "the release that is there, such as production #42", "verified": "true if all of it is as it should be"})
	flags.Add(cmd)
	return cmd
}

// Run verifies, and fails if something is not as it should be.
func Run(ctx context.Context, flags environment.Flags, w io.Writer) error {
	e, err := flags.Open(ctx)
	if err != nil {
		return err
	}
	record, err := e.Ledger.Present(ctx)
	if err != nil {
		return err
	}
	v := e.Verifier(func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) })
	v.All = true
	if record != nil {
		v.Images, v.Began = record.Images, record.Past()
		name := e.Ledger.Name(record.Number)
		fmt.Fprintln(w, name)
		action.Output("release", name)
	}
	err = v.Verify(ctx)
	action.Output("verified", fmt.Sprint(err == nil))
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s works\n", describe(e.Ledger, record))
	return nil
}

func describe(l *ledger.Ledger, record *ledger.Record) string {
	if record == nil {
		return l.Environment
	}
	return l.Name(record.Number)
}

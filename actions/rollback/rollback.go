// Package rollback is `slipway rollback`: the environment goes back to how an
// earlier release left it, each service verified as it goes back.
package rollback

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/release"
)

// Command is `slipway rollback`.
func Command() *cobra.Command {
	var flags environment.Flags
	to := release.Previous
	cmd := &cobra.Command{
		Use: "rollback", Short: "Bring an environment back to an earlier release", Args: cobra.NoArgs,
		Long: "Bring an environment back to how an earlier release left it: the one before the present, or --to N.\n" +
			"A release that ended in the middle is taken back. The database stays on its schema.",
		RunE: func(cmd *cobra.Command, _ []string) error { return Run(cmd.Context(), flags, to, cmd.OutOrStdout()) },
	}
	action.Outputs(cmd, environment.Outputs)
	flags.Add(cmd)
	cmd.Flags().IntVar(&to, "to", to, "number of the release to go back to; 0 is before the first (default: the one before the present)")
	cmd.Flags().Lookup("to").DefValue = "" // the default is said in words
	return cmd
}

// Run rolls back and says what came of it.
func Run(ctx context.Context, flags environment.Flags, to int, w io.Writer) error {
	e, err := flags.Open(ctx)
	if err != nil {
		return err
	}
	options, err := e.Release(w)
	if err != nil {
		return err
	}
	outcome, err := release.Rollback(ctx, options, to)
	e.Tell(w, outcome)
	return err
}

// Package resume is `slipway resume`: a release whose process died goes on.
package resume

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/release"
)

// Command is `slipway resume`.
func Command() *cobra.Command {
	var flags environment.Flags
	var backup string
	cmd := &cobra.Command{
		Use: "resume", Short: "Continue a release that ended in the middle", Args: cobra.NoArgs,
		Long: "Continue a release that ended in the middle, to what it wanted when it began: the ledger has it,\n" +
			"whatever happened in the repository since. If it fails, all of it is taken back.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return Run(cmd.Context(), flags, backup, cmd.OutOrStdout())
		},
	}
	action.Outputs(cmd, environment.Outputs)
	flags.Add(cmd)
	flags.AddOut(cmd)
	cmd.Flags().StringVar(&backup, "database", "", "file of the verified backup that the plan goes back to if the release fails")
	return cmd
}

// Run resumes and says what came of it. The backup is "" where the plan does not
// go back to one.
func Run(ctx context.Context, flags environment.Flags, backup string, w io.Writer) error {
	e, err := flags.Open(ctx)
	if err != nil {
		return err
	}
	options, err := e.Release(w)
	if err != nil {
		return err
	}
	if backup != "" {
		if options.OnFailure, err = e.Backup(backup, options.Say); err != nil {
			return err
		}
	}
	outcome, err := release.Resume(ctx, options)
	e.Tell(ctx, w, outcome, err)
	return err
}

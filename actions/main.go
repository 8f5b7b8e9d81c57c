// Command slipway is all of Slipway's actions in one binary, the same for a
// workflow and for a person.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/adopt"
	"github.com/teei/slipway/actions/backup"
	"github.com/teei/slipway/actions/checks"
	"github.com/teei/slipway/actions/compare"
	"github.com/teei/slipway/actions/doctor"
	"github.com/teei/slipway/actions/gate"
	scaffold "github.com/teei/slipway/actions/init"
	"github.com/teei/slipway/actions/ledger"
	"github.com/teei/slipway/actions/plan"
	"github.com/teei/slipway/actions/preflight"
	"github.com/teei/slipway/actions/releases"
	"github.com/teei/slipway/actions/resume"
	"github.com/teei/slipway/actions/rollback"
	"github.com/teei/slipway/actions/rollout"
	"github.com/teei/slipway/actions/status"
	"github.com/teei/slipway/actions/unlock"
	"github.com/teei/slipway/actions/verify"
	"github.com/teei/slipway/actions/version"
	"github.com/teei/slipway/actions/watch"
	"github.com/teei/slipway/internal/action"
)

func main() {
	ctx, stop := action.UntilCancelled()
	defer stop()
	os.Exit(action.Execute(ctx, command(), os.Args[1:], os.Stdout, os.Stderr))
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "slipway",
		Short: "Launch the services of a platform in order, and bring them back",
		Long: "Launch the services of a platform in order, and bring them back. Exit codes: 0 fine, 1 a release or a\n" +
			"check failed, 2 wrong use, 3 the surroundings failed (no cluster, no database, …).",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(adopt.Command(), backup.Command(), checks.Command(), compare.Command(), doctor.Command(), gate.Command(), ledger.Command(), scaffold.Command(), plan.Command(), preflight.Command(), rollout.Command(), releases.List(), releases.Show(), resume.Command(), rollback.Command(), status.Command(), unlock.Command(), verify.Command(), version.Command(), watch.Command())
	return root
}

// Package rollback is `slipway rollback`: the environment goes back to how an
// earlier release left it, each service verified as it goes back, and the
// database to a backup if that is asked for.
package rollback

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
)

// Options of `slipway rollback`.
type Options struct {
	environment.Flags
	To          int
	Unfinished  bool   // only what ended in the middle
	Database    string // file of the backup that becomes the database
	OtherBackup bool   // not the one that is recorded
	AcceptLoss  bool
	Yes         bool               // without being asked
	Wait        time.Duration      // for approvals
	opened      *database.Unsealed // a backup that was decrypted, nil for none
}

// Command is `slipway rollback`.
func Command() *cobra.Command {
	o := Options{To: release.Previous}
	cmd := &cobra.Command{
		Use: "rollback", Short: "Bring an environment back to an earlier release", Args: cobra.NoArgs,
		Long: "Bring an environment back to how an earlier release left it: the one before the present, or --to N.\n" +
			"A release that ended in the middle is taken back. Where the newest release is taken back already, or is\n" +
			"the only one, it is refused. --to 0 uninstalls the platform. What would change is shown first, and at a\n" +
			"terminal it asks. Elsewhere --to 0 wants --yes. The database stays on its schema, unless --database\n" +
			"names a backup, the one that was taken for the release that is taken back: then what that loses is\n" +
			"estimated and has to be accepted before anything happens. With --unfinished it goes back where the\n" +
			"plan of the release said so, to the recorded backup, which then has to be in .slipway or at its place.\n" +
			"In a workflow, the people have to approve it whom gate.rollback in " + platform.File + " names; --unfinished ends\n" +
			"what was approved before, and asks nobody.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return Run(cmd.Context(), o, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	action.Outputs(cmd, environment.Outputs)
	o.Add(cmd)
	o.AddOut(cmd)
	cmd.Flags().IntVar(&o.To, "to", o.To, "number of the release to go back to; 0 uninstalls (default: the one before the present)")
	action.InWords(cmd, "to")
	cmd.Flags().BoolVar(&o.Unfinished, "unfinished", false, "only take back a release that ended in the middle; without one, do nothing")
	cmd.MarkFlagsMutuallyExclusive("to", "unfinished")
	cmd.Flags().StringVar(&o.Database, "database", "", "file of a verified backup that becomes the database again, or a folder that has it, encrypted or not")
	cmd.Flags().BoolVar(&o.OtherBackup, "other-backup", false, "go back to another verified backup of the database than the one in the release's record")
	cmd.Flags().BoolVar(&o.AcceptLoss, "accept-loss", false, "lose what was written since that backup, without being asked")
	cmd.Flags().BoolVar(&o.Yes, "yes", false, "roll back without being asked; --to 0 wants it where nobody can be asked")
	cmd.Flags().DurationVar(&o.Wait, "wait", 0, "how long approvals that are still missing are waited for, as in 30m")
	return cmd
}

// Run rolls back and says what came of it.
func Run(ctx context.Context, o Options, in io.Reader, w io.Writer) error {
	if o.To < release.Previous {
		return &platform.UsageError{Message: fmt.Sprintf("--to %d is no number of a release", o.To), Advice: "`slipway releases` lists them"}
	}
	e, err := o.Open(ctx)
	if err != nil {
		return err
	}
	options, err := e.Release(w)
	if err != nil {
		return err
	}
	if o.Unfinished {
		o.To = release.Unfinished
	}
	if o.Database != "" { // people approve a file, and not a folder
		defer o.close()
		if o.Database, options.Backup, err = o.backup(ctx, options); err != nil {
			return err
		}
		if err := release.Admit(ctx, options, o.To); err != nil {
			return err
		}
	}
	if options.Agreed, err = o.agreed(ctx, options, in, w); err != nil {
		return err
	}
	if options.Record.Approvals, err = o.approved(ctx, e, w); err != nil {
		e.Stayed(ctx, w, options.Record.By.Name(), err)
		return err
	}
	if o.Database != "" {
		url, err := e.DatabaseURL()
		if err != nil {
			return err
		}
		if err := o.accept(ctx, url, in, w); err != nil {
			return err
		}
		if options.Database, err = e.Backup(o.Database, options.Say); err != nil {
			return err
		}
	}
	if o.Unfinished && o.Database == "" {
		if options.OnFailure, err = planned(ctx, e, options); err != nil {
			return err
		}
	}
	outcome, err := release.Rollback(ctx, options, o.To)
	if outcome == nil && err == nil {
		fmt.Fprintf(w, "%s: no release ended in the middle, there is nothing to take back\n", e.Ledger.Environment)
	}
	e.Tell(ctx, w, outcome, err)
	o.decided(ctx, e)
	return err
}

// close leaves no data behind that were encrypted.
func (o *Options) close() {
	if o.opened == nil {
		return
	}
	if err := o.opened.Close(); err != nil {
		action.Warning("links to the decrypted backup stay: " + err.Error())
	}
}

// Package backup is `slipway backup`: to which backup a rollback would take the
// data, and which run of a workflow keeps it.
package backup

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
)

// Command is `slipway backup`.
func Command() *cobra.Command {
	var flags environment.Flags
	to := release.Previous
	cmd := &cobra.Command{
		Use: "backup", Short: "Say to which backup a rollback goes, and which run keeps it", Args: cobra.NoArgs,
		Long: "Say to which backup a rollback would take the data, as the ledger has it, and which run of a workflow\n" +
			"keeps it: the one that made the release which is taken back.",
		RunE: func(cmd *cobra.Command, _ []string) error { return Run(cmd.Context(), flags, to, cmd.OutOrStdout()) },
	}
	action.Outputs(cmd, map[string]string{
		"run":    "id of the workflow's run that keeps it",
		"file":   "name of its file",
		"sha256": "SHA-256 of that file",
	})
	flags.Add(cmd)
	cmd.Flags().IntVar(&to, "to", to, "number of the release to go back to; 0 is before the first (default: the one before the present)")
	action.InWords(cmd, "to")
	return cmd
}

// Run looks it up. It changes nothing.
func Run(ctx context.Context, flags environment.Flags, to int, w io.Writer) error {
	e, err := flags.Open(ctx)
	if err != nil {
		return err
	}
	options, err := e.Release(w)
	if err != nil {
		return err
	}
	undone, err := release.Undone(ctx, options, to)
	if err != nil {
		return err
	}
	run, backup, err := kept(e.Ledger, undone)
	if err != nil {
		return err
	}
	name := filepath.Base(backup.File)
	fmt.Fprintf(w, "%s of run %s, from %s, SHA-256 %s\n", name, run, backup.At.UTC().Format("2006-01-02 15:04 UTC"), backup.SHA256)
	action.Output("run", run)
	action.Output("file", name)
	action.Output("sha256", backup.SHA256)
	return nil
}

// ofRun is the address of a workflow's run.
var ofRun = regexp.MustCompile(`/actions/runs/([0-9]+)$`)

// kept is the backup of a release that is taken back, and the run that made both.
func kept(l *ledger.Ledger, undone *ledger.Record) (run string, backup *ledger.Evidence, err error) {
	const advice = "go back without the database, or name the file of a verified backup with --database"
	if undone == nil {
		return "", nil, &release.NothingError{Environment: l.Environment, Wanted: "roll back"}
	}
	backup = release.RecordedBackup(undone)
	if backup == nil {
		return "", nil, &platform.UsageError{Message: "the record of " + l.Name(undone.Number) + " names no backup", Advice: advice}
	}
	m := ofRun.FindStringSubmatch(undone.By.Run)
	if m == nil {
		return "", nil, &platform.UsageError{Message: l.Name(undone.Number) + " was made by " + undone.By.Name() + ", and not by a run of a workflow, which would keep its backup", Advice: advice}
	}
	return m[1], backup, nil
}

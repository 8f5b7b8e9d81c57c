// Package unlock is `slipway unlock`: a person takes the release lock away.
package unlock

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
)

// Command is `slipway unlock`.
func Command() *cobra.Command {
	var flags environment.Flags
	var reason string
	cmd := &cobra.Command{
		Use: "unlock", Short: "Take the release lock of an environment away", Args: cobra.NoArgs,
		Long: "Take the release lock of an environment away from whoever holds it. Locks of dead runs expire by\n" +
			"themselves; this is for a run that lives and must not go on. Who did it and why is recorded.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return Run(cmd.Context(), flags, reason, cmd.OutOrStdout())
		},
	}
	flags.Add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record")
	_ = cmd.MarkFlagRequired("reason") // fails only for a flag that is not there
	return cmd
}

// Run takes the lock away and says from whom.
func Run(ctx context.Context, flags environment.Flags, reason string, w io.Writer) error {
	if strings.TrimSpace(reason) == "" {
		return &platform.UsageError{Message: "--reason is empty", Advice: "say why: it is recorded"}
	}
	e, err := flags.Open(ctx)
	if err != nil {
		return err
	}
	was, err := e.Ledger.Unlock(ctx, release.HolderOf(os.Getenv), reason)
	if err != nil {
		return err
	}
	if was == nil {
		fmt.Fprintf(w, "nobody holds the lock of %s\n", e.Ledger.Environment)
		return nil
	}
	fmt.Fprintf(w, "the lock of %s was taken from %s\n", e.Ledger.Environment, was)
	return nil
}

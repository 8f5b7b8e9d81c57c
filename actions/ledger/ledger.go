// Package ledger is `slipway ledger`: what is done to the ledger of an environment
// itself.
package ledger

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/release"
)

// Command is `slipway ledger`.
func Command() *cobra.Command {
	cmd := &cobra.Command{
		Use: "ledger", Short: "Move the ledger that older versions kept of an environment", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(move())
	return cmd
}

func move() *cobra.Command {
	var flags environment.Flags
	var yes, onlyOurs bool
	cmd := &cobra.Command{
		Use: "move", Short: "Move what older versions recorded into the environment's own ledger", Args: cobra.NoArgs,
		Long: "Move what older versions recorded into the environment's own ledger. They kept it in the namespace\n" +
			"slipway-ENVIRONMENT, which all platforms of a cluster shared; now it is slipway-PLATFORM-ENVIRONMENT.\n" +
			"It shows the releases and asks. They are copied with all that belongs to them; the old namespace stays\n" +
			"as it is, and older versions of slipway release nothing there any more. A move that died is repeated.\n\n" +
			"  slipway ledger move --env production",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return Move(cmd.Context(), flags, yes, onlyOurs, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	flags.Add(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "move them without being asked")
	cmd.Flags().BoolVar(&onlyOurs, "only-ours", false, "leave the releases of another platform where they are")
	return cmd
}

// NotAskedError says that nobody agreed.
type NotAskedError struct {
	Releases int
	Command  string
}

func (e *NotAskedError) Error() string {
	return fmt.Sprintf("move %d releases: nobody agreed", e.Releases)
}

// Usage marks that nothing was begun.
func (e *NotAskedError) Usage() bool { return true }

// Hint says what to do about it.
func (e *NotAskedError) Hint() string { return "repeat it with --yes: `" + e.Command + " --yes`" }

// Move shows what older versions recorded, and moves it if somebody agrees.
func Move(ctx context.Context, flags environment.Flags, yes, onlyOurs bool, in io.Reader, w io.Writer) error {
	e, err := flags.Open(ctx)
	if err != nil {
		return err
	}
	m, err := ledger.PlanMove(ctx, e.Cluster, e.Target.Owner(), onlyOurs)
	if err != nil {
		return err
	}
	if m.Done {
		fmt.Fprintf(w, "the releases of %s were moved from %s to %s before\n", e.Ledger.Environment, m.From.Namespace, m.To.Namespace)
		return nil
	}
	if err := table(w, m); err != nil {
		return err
	}
	if !yes && !action.Confirm(ctx, in, w, "Type yes to move them: ") {
		return &NotAskedError{Releases: len(m.Records), Command: command(flags, onlyOurs)}
	}
	if err := m.Run(ctx, release.HolderOf(os.Getenv)); err != nil {
		return err
	}
	fmt.Fprintf(w, "%s has %d releases of %s now; the next one is #%d\n", m.To.Namespace, len(m.Records), e.Ledger.Environment, m.Records[0].Number+1)
	if len(m.Others) > 0 {
		fmt.Fprintf(w, "%s stays as it is: it holds %d records of another platform\n", m.From.Namespace, len(m.Others))
		return nil
	}
	fmt.Fprintf(w, "%s stays as it is. Once you have seen that all is well, that nothing runs an older version any more, which it holds off, and that no account lives in it: kubectl delete namespace %s\n", m.From.Namespace, m.From.Namespace)
	return nil
}

// command is this one, as it was given.
func command(flags environment.Flags, onlyOurs bool) string {
	words := []string{"slipway ledger move --env", flags.Env}
	if flags.Root != "." {
		words = append(words, "--root", flags.Root)
	}
	if onlyOurs {
		words = append(words, "--only-ours")
	}
	return strings.Join(words, " ")
}

func table(w io.Writer, m *ledger.Move) error {
	fmt.Fprintf(w, "from %s to %s:\n", m.From.Namespace, m.To.Namespace)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RELEASE\tSTATE\tBEGUN\tBY")
	for _, r := range m.Records {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", m.To.Name(r.Number), r.State, r.Started.Local().Format(time.DateTime), r.By)
	}
	for _, o := range m.Others {
		fmt.Fprintf(t, "%s\tstays\t%s\t%s\n", m.From.Name(o.Record.Number), o.Record.Started.Local().Format(time.DateTime), strings.Join(o.Namespaces, ", "))
	}
	return t.Flush()
}

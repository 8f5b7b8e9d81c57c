// Package adopt is `slipway adopt`: the first release in a cluster where kubectl
// or Helm released before.
package adopt

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/rollout"
)

// Command is `slipway adopt`.
func Command() *cobra.Command {
	var flags environment.Flags
	var yes bool
	cmd := &cobra.Command{
		Use: "adopt", Short: "Take over the fields of a platform's objects that kubectl or Helm own", Args: cobra.NoArgs,
		Long: "Take over the fields of a platform's objects that kubectl or Helm own, so that the first release by\n" +
			"slipway meets no conflict. It shows them and asks; nothing in the objects changes, no pod is replaced.\n" +
			"What the manifests do not have of those fields, the next plan shows as removed.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return Run(cmd.Context(), flags, yes, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	flags.Add(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "take them over without being asked")
	return cmd
}

// NotAskedError says that nobody agreed.
type NotAskedError struct{ Objects int }

func (e *NotAskedError) Error() string {
	return fmt.Sprintf("adopt %d objects: nobody agreed", e.Objects)
}

// Usage marks that nothing was begun.
func (e *NotAskedError) Usage() bool { return true }

// Hint says what to do about it.
func (e *NotAskedError) Hint() string { return "`" + action.Again + " --yes` takes them over without being asked" }

// Run shows who owns what, and takes it over if somebody agrees.
func Run(ctx context.Context, flags environment.Flags, yes bool, in io.Reader, w io.Writer) error {
	e, err := flags.Open(ctx)
	if err != nil {
		return err
	}
	objects, err := e.Objects(ctx, nil)
	if err != nil {
		return err
	}
	options, err := e.Release(w)
	if err != nil {
		return err
	}
	options.Rollout.Objects = objects
	found, err := rollout.Adoptions(ctx, options.Rollout)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		fmt.Fprintf(w, "%s: kubectl and Helm own nothing of what is released, there is nothing to adopt\n", e.Ledger.Environment)
		return nil
	}
	if err := table(w, found); err != nil {
		return err
	}
	if !yes && !action.Confirm(in, w, "Type yes to take them over: ") {
		return &NotAskedError{Objects: len(found)}
	}
	if err := release.Adopt(ctx, options); err != nil {
		return err
	}
	fmt.Fprintf(w, "slipway owns these fields of %d objects now; nothing in them has changed\n", len(found))
	fmt.Fprintln(w, "kubectl apply and helm upgrade must not be used for them any more: they would take the fields back")
	return nil
}

func table(w io.Writer, found []rollout.Adoption) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "OBJECT\tOWNER\tFIELDS")
	for _, a := range found {
		for _, o := range a.Owners {
			fmt.Fprintf(t, "%s\t%s\t%d\n", a.Object, rollout.Clean(o.Manager), o.Fields)
		}
	}
	return t.Flush()
}

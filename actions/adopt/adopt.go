// Package adopt is `slipway adopt`: slipway becomes the owner of what it is to release,
// where somebody else released, restored or edited it before.
package adopt

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
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
	var yes, current bool
	cmd := &cobra.Command{
		Use: "adopt", Short: "Take over the fields of a platform's objects that others own", Args: cobra.NoArgs,
		Long: "Take over the fields of a platform's objects that others own: kubectl or Helm before the first release,\n" +
			"Velero or Terraform after a restore, somebody who edited by hand. Until then a plan is refused.\n" +
			"It shows them and asks. Nothing in the objects changes, and no pod is replaced. What the manifests do\n" +
			"not have of it, the next plan shows as removed. An autoscaler keeps its replicas. What Argo CD or Flux\n" +
			"keep is refused.\n" +
			"With --current, a release that is stuck or ended in the middle ends as it is now: what differs from\n" +
			"before is shown, and stays. The record says who decided that.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if current {
				return Accept(cmd.Context(), flags, yes, cmd.InOrStdin(), cmd.OutOrStdout())
			}
			return Run(cmd.Context(), flags, yes, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	flags.Add(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "take them over without being asked")
	cmd.Flags().BoolVar(&current, "current", false, "accept what is there now as the end of a release that is stuck or ended in the middle")
	return cmd
}

// NotAskedError says that nobody agreed.
type NotAskedError struct{ What string }

func (e *NotAskedError) Error() string { return e.What + ": nobody agreed" }

// Usage marks that nothing was begun.
func (e *NotAskedError) Usage() bool { return true }

// Hint says what to do about it.
func (e *NotAskedError) Hint() string {
	return "`" + action.Again + " --yes` does it without being asked"
}

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
		fmt.Fprintf(w, "%s: nobody else owns anything of what is released, there is nothing to adopt\n", e.Ledger.Environment)
		return nil
	}
	if err := table(w, found); err != nil {
		return err
	}
	if !yes && !action.Confirm(ctx, in, w, "Type yes to take them over: ") {
		return &NotAskedError{What: fmt.Sprintf("adopt %d objects", len(found))}
	}
	if err := release.Adopt(ctx, options); err != nil {
		return err
	}
	fmt.Fprintf(w, "slipway owns these fields of %d objects now; nothing in them has changed\n", len(found))
	fmt.Fprintf(w, "%s must not write them any more: that would take the fields back\n", strings.Join(managers(found), ", "))
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

// managers are all from whom something is taken over.
func managers(found []rollout.Adoption) (names []string) {
	for _, a := range found {
		for _, o := range a.Owners {
			if name := rollout.Clean(o.Manager); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

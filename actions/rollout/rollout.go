// Package rollout is `slipway apply`: it releases what was approved, and nothing else.
package rollout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/actions/gate"
	"github.com/teei/slipway/internal/action"
	gates "github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/notify"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/report"
)

// Options of `slipway apply`.
type Options struct {
	environment.Flags
	Plan     string // folder that `slipway plan` wrote
	Approval string // digest that was approved
	Backup   string // report.json of a backup that was taken since
}

// Command is `slipway apply`.
func Command() *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use: "apply", Aliases: []string{"rollout"}, Short: "Release an approved plan, and only that", Args: cobra.NoArgs,
		Long: "Release an approved plan, and only that: it is made again under the environment's lock, and if anything\n" +
			"differs from what was approved, it is named and nothing is released. An environment with a gate is\n" +
			"released from its workflow alone, once the people named there have approved.",
		RunE: func(cmd *cobra.Command, _ []string) error { return Run(cmd.Context(), o, cmd.OutOrStdout()) },
	}
	action.Outputs(cmd, environment.Outputs)
	o.Add(cmd)
	o.AddOut(cmd)
	cmd.Flags().StringVar(&o.Plan, "plan", filepath.Join(".slipway", "plan"), "folder with the plan and its evidence")
	cmd.Flags().StringVar(&o.Approval, "approval", "", "the digest that was approved, in full")
	cmd.Flags().StringVar(&o.Backup, "backup", "", "report.json of ci's stage backup, where the backup was taken again since the approval")
	_ = cmd.MarkFlagRequired("approval") // fails only for a flag that is not there
	return cmd
}

// Run releases the plan and says what came of it, also where nothing did.
func Run(ctx context.Context, o Options, w io.Writer) error {
	p, evidence, err := plan.Read(o.Plan)
	if err != nil {
		return err
	}
	e, err := o.Open(ctx)
	if err != nil {
		return err
	}
	outcome, err := apply(ctx, e, o, release.Approved{Plan: p, Evidence: evidence, Digest: o.Approval}, w)
	if outcome == nil && err != nil {
		e.Refused(ctx, w, p.By, err)
	}
	e.Tell(ctx, w, outcome, err)
	if errors.As(err, new(*gates.ClosedError)) {
		return err // people may still approve
	}
	if err := gate.Decided(ctx, e); err != nil {
		action.Warning("the issue of the approval stays open: " + err.Error())
	}
	if outcome == nil && err == nil {
		fmt.Fprintf(w, "%s: nothing would change, nothing was released\n", e.Ledger.Environment)
	}
	return err
}

// apply asks the gate and releases. Without an outcome nothing has begun, or the
// ledger cannot be written any more.
func apply(ctx context.Context, e *environment.Environment, o Options, a release.Approved, w io.Writer) (*release.Outcome, error) {
	if err := a.Evidence.Files(o.Plan); err != nil {
		return nil, err
	}
	planning, err := e.Planning(ctx, environment.Wanted{Images: a.Plan.Images(), From: a.Plan.From, Only: a.Plan.Only, By: a.Plan.By})
	if err != nil {
		return nil, err
	}
	options, err := e.Release(w)
	if err != nil {
		return nil, err
	}
	if err := decide(ctx, e, o, a, &options); err != nil {
		return nil, err
	}
	options.Rollout.Objects, options.Rollout.Services = planning.Rollout.Objects, planning.Rollout.Services
	for _, line := range (report.Planned{Plan: a.Plan}).Left() {
		fmt.Fprintln(w, "! "+line)
	}
	options.Begun = e.Begins(ctx, notify.Message{Verdict: report.Planned{Plan: a.Plan}.Summary(), By: a.Plan.By})
	return release.Apply(ctx, a, planning, options)
}

// decide asks the gate, and takes the newest backup for what the database goes back to.
func decide(ctx context.Context, e *environment.Environment, o Options, a release.Approved, options *release.Options) error {
	newer, err := gate.Backup(ctx, e, o.Backup)
	if err != nil {
		return err
	}
	if newer != nil {
		options.Record.Evidence = append(options.Record.Evidence, release.Learnt(*newer))
	}
	if e.Gate() != nil {
		answer, err := gate.Decide(ctx, e, gate.Asked{Folder: o.Plan, Plan: a.Plan, Evidence: a.Evidence, Backup: newer})
		if err != nil {
			return err
		}
		options.Record.Approvals, options.Record.Findings = answer.Approvals, answer.Preflight
	}
	kept, err := e.Variables(ctx)
	if err != nil {
		return err
	}
	options.Record.Variables = kept.Now
	if !a.Plan.Restore {
		return nil
	}
	back := a.Evidence.Item(plan.Backup, "")
	if newer != nil {
		back = newer // less is lost
	}
	options.OnFailure, err = backup(e, back, o.Plan, options.Say)
	return err
}

// backup is what the database goes back to, nil if its file is not on this machine.
func backup(e *environment.Environment, item *plan.Item, folder string, say func(string, ...any)) (release.Database, error) {
	if item == nil || item.File == "" {
		return nil, nil
	}
	file := item.Path(folder)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read the backup: %w", err)
	}
	return e.Backup(file, say)
}

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
	"github.com/teei/slipway/internal/notify"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
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
	cmd.Flags().StringVar(&o.Backup, "backup", "", "report.json of `ci backup`, where the backup was taken again since the approval")
	_ = cmd.MarkFlagRequired("approval") // fails only for a flag that is not there
	return cmd
}

// Run releases the plan and says what came of it.
func Run(ctx context.Context, o Options, w io.Writer) error {
	p, evidence, err := plan.Read(o.Plan)
	if err != nil {
		return err
	}
	e, err := o.Open(ctx)
	if err != nil {
		return err
	}
	if err := evidence.Files(o.Plan); err != nil {
		return err
	}
	planning, err := e.Planning(ctx, environment.Wanted{Images: p.Images(), From: p.From, Only: p.Only, By: p.By})
	if err != nil {
		return err
	}
	options, err := e.Release(w)
	if err != nil {
		return err
	}
	newer, err := gate.Backup(ctx, e, o.Backup)
	if err != nil {
		return err
	}
	if newer != nil {
		options.Record.Evidence = append(options.Record.Evidence, release.Learnt(*newer))
	}
	if e.Gate() != nil {
		answer, err := gate.Decide(ctx, e, gate.Asked{Folder: o.Plan, Plan: p, Evidence: evidence, Backup: newer})
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
	if p.Restore {
		back := evidence.Item(plan.Backup, "")
		if newer != nil {
			back = newer // less is lost
		}
		if options.OnFailure, err = backup(e, back, o.Plan, options.Say); err != nil {
			return err
		}
	}
	options.Rollout.Objects, options.Rollout.Services = planning.Rollout.Objects, planning.Rollout.Services
	for _, line := range (report.Planned{Plan: p}).Left() {
		fmt.Fprintln(w, "! "+line)
	}
	if !p.Empty() {
		e.Told(ctx, w, notify.Message{Event: platform.Started, Verdict: report.Planned{Plan: p}.Summary(), By: p.By})
	}
	outcome, err := release.Apply(ctx, release.Approved{Plan: p, Evidence: evidence, Digest: o.Approval}, planning, options)
	e.Tell(ctx, w, outcome, err)
	if err := gate.Decided(ctx, e); err != nil {
		action.Warning("the issue of the approval stays open: " + err.Error())
	}
	if outcome == nil && err == nil {
		fmt.Fprintf(w, "%s: nothing would change, nothing was released\n", e.Ledger.Environment)
	}
	return err
}

// backup is what the database goes back to, nil if its file is not on this machine.
func backup(e *environment.Environment, item *plan.Item, folder string, say func(string, ...any)) (release.Database, error) {
	if item == nil || item.File == "" {
		return nil, nil
	}
	file := item.File
	if !filepath.IsAbs(file) {
		file = filepath.Join(folder, file)
	}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read the backup: %w", err)
	}
	return e.Backup(file, say)
}

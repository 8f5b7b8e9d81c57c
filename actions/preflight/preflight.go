// Package preflight is `slipway preflight`: all that a release has to show
// before people are asked to approve it.
package preflight

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/environment"
	gates "github.com/teei/slipway/actions/gate"
	"github.com/teei/slipway/actions/workflow"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/notify"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/report"
)

// Options of `slipway preflight`.
type Options struct {
	environment.Flags
	Plan   string   // folder that `slipway plan` wrote
	Record string   // signed record of the release that is promoted
	Waive  string   // findings to waive, a line each or with ; between: kind=why
	Expect []string // variables that must have changed
}

// Command is `slipway preflight`.
func Command() *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use: "preflight", Short: "Look for all that a release has to show before people are asked", Args: cobra.NoArgs,
		Long: "Look for all that a release has to show before people are asked: what gate says in " + platform.File + ".\n" +
			"The findings become evidence of the plan, and the digest that is approved covers them.",
		RunE: func(cmd *cobra.Command, _ []string) error { return Run(cmd.Context(), o, cmd.OutOrStdout()) },
	}
	action.Outputs(cmd, map[string]string{
		"approval": "digest that is approved: it covers the plan and its evidence",
		"passed":   "true if nothing stands in the way",
		"waived":   "kinds of findings that were waived, as a list in JSON such as [\"window\"]",
	})
	o.Add(cmd)
	cmd.Flags().StringVar(&o.Plan, "plan", filepath.Join(".slipway", "plan"), "folder with the plan and its evidence")
	cmd.Flags().StringVar(&o.Record, "record", "", "signed record of the release that is promoted; in a workflow GitHub may carry it as a deployment")
	cmd.Flags().StringVar(&o.Waive, "waive", "", "findings that do not matter this time, with the reason, a line each or with ; between: documentation=only a typo, documentation@2h=only a typo for two hours, or checks/lint=why for one of several")
	cmd.Flags().StringSliceVar(&o.Expect, "expect-changed", nil, "variables whose values must be others than at the last release")
	action.Lines(cmd, "waive")
	return cmd
}

// Run looks, writes the findings beside the plan, and fails if something stands in the way.
func Run(ctx context.Context, o Options, w io.Writer) error {
	p, evidence, err := plan.Read(o.Plan)
	if err != nil {
		return err
	}
	waivers, err := readWaivers(o.Waive)
	if err != nil {
		return err
	}
	e, err := o.Open(ctx)
	if err != nil {
		return err
	}
	if e.Gate() == nil {
		return &platform.UsageError{Message: "environment " + o.Env + " has no gate", Advice: "say under environments." + o.Env + ".gate in " + platform.File + " what a release has to show"}
	}
	job, err := workflow.Open(os.Getenv)
	if err != nil {
		return err
	}
	list, err := o.checklist(ctx, e, job, p, evidence)
	if err != nil {
		return err
	}
	list.Waivers = waivers
	findings, err := gate.Preflight(ctx, list)
	if err != nil {
		return err
	}
	evidence.Run, evidence.Nonce = job.Name(), rand.Text()
	approval, err := keep(o.Plan, p, evidence, findings)
	if err != nil {
		return err
	}
	if e.Gate().Comments && len(plan.Failed(findings)) == 0 && !p.Empty() {
		if err := ask(ctx, w, gates.Question(e, job), p, findings, approval); err != nil {
			return err
		}
	}
	notes, err := release.FirstUndone(ctx, e.Ledger)
	if err != nil {
		return err
	}
	for _, note := range notes {
		fmt.Fprintln(w, "! "+note)
	}
	if err = tell(w, o, findings, approval, p.Empty()); errors.As(err, new(*gate.ClosedError)) {
		e.Refused(ctx, w, list.By, err)
	}
	return err
}

// checklist is all that preflight looks at.
func (o Options) checklist(ctx context.Context, e *environment.Environment, job *workflow.Job, p *plan.Plan, evidence *plan.Evidence) (gate.Checklist, error) {
	run, err := job.GitHub.Run(ctx, job.Run)
	if err != nil {
		return gate.Checklist{}, err
	}
	list := gate.Checklist{
		GitHub: job.GitHub, Platform: e.Platform, Gate: e.Gate(), Plan: p, Evidence: evidence, Record: o.Record,
		Missing: missing(e), By: run.Triggering.Login, Link: run.URL, Now: time.Now(),
		ExpectChanged: o.Expect, Getenv: platform.Bundled(os.Getenv),
	}
	if err := promoted(ctx, e, o.Plan, &list); err != nil {
		return list, err
	}
	if present, err := e.Ledger.Present(ctx); err != nil {
		return list, err
	} else if present != nil {
		list.Before = present.Source
	}
	if list.Kept, err = e.Variables(ctx); err != nil {
		return list, err
	}
	if on := e.Gate().OnCall; on != nil {
		action.Mask(list.Getenv(on.URL), list.Getenv(on.Authorization))
	}
	if !p.Empty() {
		list.Notify = func(ctx context.Context) []plan.Finding {
			return e.Notify(ctx, notify.Message{Event: platform.Waiting, Verdict: report.Planned{Plan: p}.Summary(), By: list.By})
		}
	}
	return list, nil
}

// promoted looks for the record of the release that is promoted, which GitHub may
// carry, and for what GitHub shows of that release.
func promoted(ctx context.Context, e *environment.Environment, folder string, list *gate.Checklist) error {
	if list.Gate.Promotes == nil {
		return nil
	}
	from := list.Gate.Promotes.Environment
	place, err := e.Elsewhere(from)
	if place == nil || err != nil {
		return err
	}
	list.Stands = place.State
	if file := filepath.Join(folder, environment.RecordFile); list.Record == "" {
		found, err := e.FetchRecord(ctx, from, list.Plan.From, file)
		if err != nil {
			return err
		}
		if found {
			list.Record = file
		}
	}
	return nil
}

// ask opens the issue on which people approve.
func ask(ctx context.Context, w io.Writer, q gate.Question, p *plan.Plan, findings []plan.Finding, approval string) error {
	var grounds bytes.Buffer
	fmt.Fprintf(&grounds, "%s\n\n", report.Planned{Plan: p}.Summary())
	if err := report.Findings(&grounds, findings); err != nil {
		return err
	}
	address, err := q.Ask(ctx, approval, grounds.String())
	if err == nil {
		fmt.Fprintf(w, "people approve at %s\n", address)
	}
	return err
}

// readWaivers reads kind=why, or kind@2h=why for a time: a line each, or with ;
// between, as a dispatch has no lines.
func readWaivers(text string) (map[string]gate.Waive, error) {
	waivers := map[string]gate.Waive{}
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == ';' }) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		kind, why, ok := strings.Cut(line, "=")
		kind, why = strings.TrimSpace(kind), strings.TrimSpace(why)
		kind, until, limited := strings.Cut(kind, "@")
		span, err := time.ParseDuration(until)
		if !ok || kind == "" || len(why) < 3 || len(why) > 500 || limited && (err != nil || span <= 0) {
			return nil, &platform.UsageError{Message: "a waiver is a finding and the reason, at most 500 letters of it, without ;", Advice: "for example --waive 'documentation=only a typo', or documentation@2h=… for two hours; a ; begins the next one"}
		}
		waivers[kind] = gate.Waive{Why: why, For: span}
	}
	return waivers, nil
}

// waived are the kinds of findings that were waived, as a list in JSON: a group
// of people may have to approve one, in a job that asks for them alone.
func waived(findings []plan.Finding) string {
	kinds := []string{}
	for _, f := range findings {
		if f.Status == plan.Waived && !slices.Contains(kinds, f.Kind()) {
			kinds = append(kinds, f.Kind())
		}
	}
	list, _ := json.Marshal(kinds) // of strings, which do not fail
	return string(list)
}

func missing(e *environment.Environment) (names []string) {
	for _, name := range e.Platform.Required() {
		if strings.TrimSpace(e.Target.Values[name]) == "" {
			names = append(names, name)
		}
	}
	return names
}

// keep writes the findings and makes them evidence of the plan. It returns the
// digest that is approved from here on.
func keep(folder string, p *plan.Plan, evidence *plan.Evidence, findings []plan.Finding) (string, error) {
	data, err := plan.Canonical(findings)
	if err != nil {
		return "", err
	}
	digest, err := plan.Digest(findings)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(folder, plan.FindingsFile), data, 0o644); err != nil {
		return "", fmt.Errorf("write the findings: %w", err)
	}
	evidence.Items = slices.DeleteFunc(evidence.Items, func(i plan.Item) bool { return i.Kind == plan.Preflight })
	evidence.Items = append(evidence.Items, plan.Item{
		Kind: plan.Preflight, Name: "findings", SHA256: digest, At: time.Now().UTC().Truncate(time.Second),
		Passed: len(plan.Failed(findings)) == 0, File: plan.FindingsFile, Detail: fmt.Sprintf("%d findings", len(findings)),
	})
	if err := plan.Write(folder, p, evidence); err != nil {
		return "", err
	}
	return plan.Approval(p, evidence)
}

func tell(w io.Writer, o Options, findings []plan.Finding, approval string, empty bool) error {
	failed := plan.Failed(findings)
	var summary bytes.Buffer
	if err := report.Findings(&summary, findings); err != nil {
		return err
	}
	if len(failed) == 0 && !empty {
		fmt.Fprintf(&summary, "\nWho approves puts this into the comment:\n\n```\n%s\n```\n", approval[:12])
	}
	action.Summary(summary.String())
	action.Output("passed", fmt.Sprint(len(failed) == 0))
	action.Output("approval", approval)
	action.Output("waived", waived(findings))
	if err := report.FindingsText(w, findings); err != nil {
		return err
	}
	if len(failed) > 0 {
		return &gate.ClosedError{Environment: o.Env, Findings: failed}
	}
	if empty {
		fmt.Fprintln(w, "nothing would change, there is nothing to approve")
		return nil
	}
	fmt.Fprintf(w, "to approve: %s\n", approval)
	return nil
}

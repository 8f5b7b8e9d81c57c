package environment

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/notify"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
)

// Notify tells those who want to know of an event. Each is a finding: a message
// that did not arrive does not stop a release, and is not hidden either.
func (e *Environment) Notify(ctx context.Context, m notify.Message) (findings []plan.Finding) {
	getenv := platform.Bundled(os.Getenv)
	m.Environment, m.Link = e.Target.Environment, release.HolderOf(os.Getenv).Run
	// An error may quote what a pod logged; no runner masks it on its way out.
	m.Verdict = platform.Redactor(slices.Collect(maps.Values(e.Target.Values)))(m.Verdict)
	for _, n := range e.Platform.Environments[e.Target.Environment].Notify {
		if !n.Wants(m.Event) {
			continue
		}
		action.Mask(getenv(n.URL), getenv(n.Secret))
		f := plan.Finding{ID: "notify/" + n.Name, Status: plan.Pass}
		receipt, err := notify.Send(ctx, n, m, getenv)
		if err != nil {
			f.Status, f.Text, f.Advice = plan.Fail, err.Error(), action.Hint(err)
		} else {
			f.Text = fmt.Sprintf("told of %s at %s: %s", m.Event, receipt.At.Format(time.RFC3339), receipt.Status)
		}
		findings = append(findings, f)
	}
	return findings
}

// Begins is to be called once a release is in the ledger: people are told that it
// started while it goes on, and GitHub shows it.
func (e *Environment) Begins(ctx context.Context, m notify.Message) func(number int) {
	return func(number int) {
		e.begun(number)
		m.Event, m.Release = platform.Started, e.Ledger.Name(number)
		e.telling.Go(func() { e.told = e.Notify(context.WithoutCancel(ctx), m) })
	}
}

// Told tells of an event of a release that has ended, or of none where the number
// is 0. What did not arrive is shown on w and as a warning, and the ledger has it
// beside the receipts.
func (e *Environment) Told(ctx context.Context, w io.Writer, number int, m notify.Message) {
	ctx = context.WithoutCancel(ctx)
	if number > 0 {
		m.Release = e.Ledger.Name(number)
	}
	found := append(e.started(), e.Notify(ctx, m)...)
	undelivered(w, found)
	if number == 0 || len(found) == 0 {
		return
	}
	_, err := e.Ledger.Amend(ctx, number, func(r *ledger.Record) error {
		r.Told = append(r.Told, found...)
		return nil
	})
	if err != nil {
		warn(w, "the ledger does not say who was told: "+err.Error())
	}
}

// Refused tells that nothing came of what was planned, and why.
func (e *Environment) Refused(ctx context.Context, w io.Writer, by string, err error) {
	m := notify.Message{Event: platform.Failed, By: by, Verdict: "nothing was released: " + err.Error()}
	if e.number > 0 {
		m.Release, m.Verdict = e.Ledger.Name(e.number), "it ended in the middle: "+err.Error()
	}
	e.Told(ctx, w, 0, m)
}

// Stayed tells that a rollback which was asked for did not begin, and why.
func (e *Environment) Stayed(ctx context.Context, w io.Writer, by string, err error) {
	e.Told(ctx, w, 0, notify.Message{Event: platform.Failed, By: by, Verdict: "it was not rolled back: " + err.Error()})
}

// started is who was told of the start, once they were.
func (e *Environment) started() []plan.Finding {
	e.telling.Wait()
	told := e.told
	e.told = nil
	return told
}

// undelivered shows what did not arrive.
func undelivered(w io.Writer, told []plan.Finding) {
	for _, f := range plan.Failed(told) {
		warn(w, f.Text)
	}
}

func warn(w io.Writer, text string) {
	fmt.Fprintln(w, "! "+text)
	action.Warning(text)
}

// eventOf is how the end of a release is told. A rollback is a release too.
func eventOf(outcome *release.Outcome) string {
	switch {
	case outcome.State == ledger.Released && outcome.Record != nil && outcome.Record.RollbackTo != nil:
		return platform.RolledBack
	case outcome.State == ledger.Released:
		return platform.Released
	}
	return platform.Failed
}

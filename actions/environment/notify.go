package environment

import (
	"context"
	"fmt"
	"io"
	"os"
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

// Told tells of an event and shows what did not arrive, on w and as a warning.
func (e *Environment) Told(ctx context.Context, w io.Writer, m notify.Message) {
	for _, f := range plan.Failed(e.Notify(context.WithoutCancel(ctx), m)) {
		fmt.Fprintln(w, "! "+f.Text)
		action.Warning(f.Text)
	}
}

// eventOf is how the end of a release is told.
func eventOf(state ledger.State) string {
	switch state {
	case ledger.Released:
		return platform.Released
	case ledger.RolledBack:
		return platform.RolledBack
	}
	return platform.Failed
}

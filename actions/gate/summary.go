package gate

import (
	"strings"

	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/report"
)

// summarize puts the decision on the page of the workflow's run: what was found,
// and who approved which digest, when, on what evidence.
func summarize(a *gate.Answer, evidence *plan.Evidence) error {
	var known []ledger.Evidence
	for _, item := range evidence.Items {
		known = append(known, release.Learnt(item))
	}
	var b strings.Builder
	if err := report.Gate(&b, a.Findings, report.Approved{Digest: a.Digest, Approvals: a.Approvals, Evidence: known, Findings: a.Preflight}); err != nil {
		return err
	}
	action.Summary(b.String())
	return nil
}

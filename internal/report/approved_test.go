package report

import (
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
)

// Who approved what, when and on what: all of it, and what others wrote is text.
func TestApprovedMarkdown(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 9, 0, 5, 0, time.UTC)
	a := Approved{
		Digest:    strings.Repeat("ab", 32),
		Approvals: []ledger.Approval{{Group: "leadership", By: "vera", Environment: "production", Comment: "ship | <b>it</b>", Seen: at}},
		Evidence:  []ledger.Evidence{{Kind: "backup", Name: "database", SHA256: strings.Repeat("cd", 32), At: at, Passed: true}, {Kind: "check", Name: "test", At: at}},
		Findings:  []plan.Finding{{ID: "notes", Status: plan.Waived, Waiver: &plan.Waiver{By: "alice", Why: "a typo"}}, {ID: "checks/test", Status: plan.Pass}},
	}
	want := "### Approved\n\n<code>" + a.Digest + "</code>\n\n| by | for | in | when | said |\n|---|---|---|---|---|\n" +
		"| vera | leadership | production | 2026-11-24 09:00:05 UTC | ship &#124; &#60;b&#62;it&#60;/b&#62; |\n" +
		"\n<details><summary>on this evidence</summary>\n\n| | what | SHA-256 | when |\n|---|---|---|---|\n" +
		"| ✓ | backup database | <code>cdcdcdcdcdcd</code> | 2026-11-24 09:00 UTC |\n| ✗ | check test |  | 2026-11-24 09:00 UTC |\n\n</details>\n" +
		"\nnotes was waived by alice: a typo\n\n"
	if got := a.Markdown(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := (Approved{Digest: "x", Evidence: a.Evidence}).Markdown(); got != "" {
		t.Errorf("nobody approved: %q", got)
	}
}

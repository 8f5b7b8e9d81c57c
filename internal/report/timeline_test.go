package report

import (
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
)

func TestReleasedMarkdown(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 11, 24, 0, 31, 13, 0, time.UTC)
	r := Released{
		Name: "production #42", State: "failed", Verdict: "everything is as before: 3 objects compared", By: "alice",
		Spans: []Span{
			{Name: "migrate", Begun: began, Ended: began.Add(1500 * time.Millisecond)},
			{Name: "web:, x\n```\n<b>", Begun: began.Add(2 * time.Second), Ended: began.Add(3 * time.Second), Failed: true},
			{Name: "instant", Begun: began, Ended: began},
		},
	}
	want := "## production #<!-- -->42 failed\n\neverything is as before&#58; 3 objects compared\n\nAsked for by alice.\n\n" +
		"```mermaid\ngantt\n  dateFormat x\n  axisFormat %H:%M:%S\n" +
		"  migrate 1.5 s :done, 1795480273000, 1795480274500\n" +
		"  web  x b  1.0 s :crit, 1795480275000, 1795480276000\n" +
		"  instant 0.0 s :done, 1795480273000, 1795480273001\n```\n"
	if got := r.Markdown(); got != want {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	r.Database, r.Next = "The schema went from a to b.\n", "`slipway watch` looks after it."
	if got := r.Markdown(); !strings.Contains(got, "### Database\n\nThe schema went from a to b.\n\n```mermaid") || !strings.HasSuffix(got, "```\n\n`slipway watch` looks after it.\n") {
		t.Errorf("%q", got)
	}
	r.Approved, r.Link = Approved{Digest: "abcd", Approvals: []ledger.Approval{{Group: "leadership", By: "vera"}}}, "https://github.com/acme/platform/actions/runs/77"
	if got := r.Markdown(); !strings.Contains(got, "### Approved\n\n<code>abcd</code>") || !strings.Contains(got, "| vera | leadership |") {
		t.Errorf("%q", got)
	}
	for range 500 {
		r.Spans = append(r.Spans, r.Spans[0])
	}
	if got := r.Markdown(); !strings.Contains(got, "and 443 more steps, in report.html of the [run](https://github.com/acme/platform/actions/runs/77)") || len(got) > 20000 {
		t.Errorf("%d bytes", len(got))
	}
}

// The summary has what the page has of the database.
func TestDatabaseMarkdown(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 0, 31, 13, 0, time.UTC)
	r := &ledger.Record{
		Schema: &ledger.Schema{Before: "", After: "0002_b"}, Migrations: []string{"0001_a", "0002_<b>"},
		Evidence: []ledger.Evidence{
			{Kind: plan.Backup, Name: "postgres", SHA256: strings.Repeat("d", 64), At: at, Passed: true},
			{Kind: plan.Backup, Name: "postgres, again", SHA256: strings.Repeat("e", 64), At: at},
			{Kind: plan.Preflight, Name: "findings"},
		},
		Findings: []plan.Finding{{ID: "rollback-plan", Status: plan.Pass, Text: "the services go back @all"}},
	}
	want := "The schema went from <code>nothing</code> to <code>0002&#95;b</code>: 2 migrations.\n\n" +
		"- <code>0001&#95;a</code>\n- <code>0002&#95;&#60;b&#62;</code>\n" +
		"- Backup of postgres at 2026-11-24 00:31:13 UTC, restored and compared; SHA-256 <code>dddddddddddd</code>\n" +
		"- Backup of postgres, again at 2026-11-24 00:31:13 UTC, **not compared**; SHA-256 <code>eeeeeeeeeeee</code>\n" +
		"- Going back: the services go back @<!-- -->all\n"
	if got := (Page{Record: r}).Database(); got != want {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	for range 200 {
		r.Migrations = append(r.Migrations, "0003_c")
	}
	if got := (Page{Record: r}).Database(); strings.Count(got, "\n- ") > 30 || !strings.Contains(got, "and 182 more migrations") {
		t.Errorf("%s", got)
	}
	if got := (Page{Record: &ledger.Record{}}).Database(); got != "" {
		t.Errorf("of a release without one: %q", got)
	}
}

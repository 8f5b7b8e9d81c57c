package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
)

const evil = `</td><script>alert(1)</script>` + "\x1b[31m"

// pageOf is a release of n services with all that a page shows, and a text that
// somebody else wrote at the end of theirs.
func pageOf(n int, evil string) Page {
	begun := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	ended := begun.Add(time.Duration(n) * 4 * time.Second)
	r := &ledger.Record{
		Number: 42, Environment: "production", State: ledger.Failed, Started: begun, Ended: &ended, Source: strings.Repeat("c0ffee", 7)[:40], From: "staging #41",
		By:        ledger.Holder{Person: "alice" + evil, Run: "https://github.com/acme/platform/actions/runs/77"},
		Verdict:   "q2q-ai ended with code 3; all services are back as they were" + evil,
		Approvals: []ledger.Approval{{Group: "leadership", By: "vera", Environment: "production", Digest: strings.Repeat("ab", 32), Comment: "ship it" + evil, Seen: begun}},
		Findings: []plan.Finding{
			{ID: "checks/test", Status: plan.Pass, Text: "passed", Link: "javascript:alert(1)"},
			{ID: "rollback-plan", Status: plan.Pass, Text: "the services go back; the schema stays migrated (1 migration)" + evil},
			{ID: "documentation", Status: plan.Waived, Text: "none of docs/** changed" + evil, Waiver: &plan.Waiver{By: "alice", Why: "only a typo", Until: ended}, Link: "https://example.org/?a=1&b=2"},
		},
		Schema: &ledger.Schema{Before: "0013_first", After: "0014_last"}, Migrations: []string{"0014_last" + evil},
		Told:     []plan.Finding{{ID: "notify/ops", Status: plan.Pass, Text: "told of started"}, {ID: "notify/all", Status: plan.Fail, Text: "notify all: it answered 410 Gone" + evil}},
		Evidence: []ledger.Evidence{{Kind: "backup", Name: "teei", SHA256: strings.Repeat("cd", 32), At: begun, Passed: true}},
		Images:   map[string]string{}, Before: map[string]string{"service-000": "", "service-001": "registry.example.org/teei/service-001@sha256:" + strings.Repeat("1", 64)}, Plan: strings.Repeat("ef", 32), Approval: strings.Repeat("ab", 32),
		Watch: &ledger.Watch{Last: ended, Looks: 3, Findings: []ledger.Finding{{Number: 1, Kind: "errors", Subject: "web", Text: "5 % of requests fail" + evil, Breach: true, Count: 2}}},
		Notes: []string{"its lock was taken by vera" + evil},
	}
	var said []Said
	for i := range n {
		name := fmt.Sprintf("service-%03d", i)
		r.Images[name] = "registry.example.org/teei/" + name + "@sha256:" + strings.Repeat("0", 64)
		end := begun.Add(time.Duration(i+1) * 4 * time.Second)
		s := ledger.Step{Name: name, Begun: begun.Add(time.Duration(i) * 4 * time.Second), Ended: &end}
		if i == n/2 {
			s.Error = "container app ended with code 3" + evil
		}
		r.Steps = append(r.Steps, s)
		said = append(said, Said{Service: name, Lines: []string{"listening on 3000" + evil, "GET /health 200"}})
	}
	return Page{Name: "production #42", Record: r, Logs: []string{"Error: no model" + evil, "at load"}, Said: said}
}

// A page is whole without a network, nothing in it runs, and whoever wrote a
// text in it wrote just that text.
func TestPage(t *testing.T) {
	var b bytes.Buffer
	if err := pageOf(11, evil).Write(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, wanted := range []string{"production #42", "ship it", "waived by alice", "0013_first", "Error: no model", "service-010", "staging #41", "All is as it was", "<code>nothing</code>", "unchanged", "111111111111",
		"Backup of teei at 2026-11-24 09:00:00 UTC, restored and compared", "Going back: the services go back; the schema stays migrated", "listening on 3000", "410 Gone"} {
		if !strings.Contains(text, wanted) {
			t.Errorf("it lacks %q", wanted)
		}
	}
	for _, banned := range []string{"<script", "javascript:", "\x1b", "<link", "<img", "@import", "url("} {
		if strings.Contains(text, banned) {
			t.Errorf("it has %q", banned)
		}
	}
	doc, err := html.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	var bars int
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "rect" {
			bars++
		}
	}
	if bars != 11 {
		t.Errorf("%d bars", bars)
	}
}

// Whatever is there or not, there is a page.
func TestPageOfLittle(t *testing.T) {
	file := filepath.Join(t.TempDir(), "folder", "report.html")
	for _, state := range []ledger.State{ledger.Running, ledger.Released, ledger.Failed, ledger.RolledBack, ledger.Stuck} {
		p := Page{Name: "x #1", Record: &ledger.Record{Number: 1, Environment: "x", State: state, Steps: []ledger.Step{{Name: "web"}}}}
		if err := p.WriteFile(file); err != nil || p.Next() == "" {
			t.Errorf("%s: %v, %q", state, err, p.Next())
		}
	}
	if data, err := os.ReadFile(file); err != nil || !bytes.Contains(data, []byte("resume --env x")) {
		t.Errorf("%v %s", err, data)
	}
}

// 200 services are a small page.
func TestPageOfMany(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.html")
	if err := pageOf(200, "").WriteFile(file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil || len(data) > 250<<10 || bytes.Count(data, []byte("<rect")) != 200 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

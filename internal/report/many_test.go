package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
)

const many = 200

const run77 = "https://github.com/acme/platform/actions/runs/77"

// A summary of 200 services fits into the 1 MiB that GitHub takes, whatever it is
// of, and says where the rest is when it was shortened.
func TestSummariesOfMany(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("<", 1500) // each becomes five bytes
	var checked Report
	var findings []plan.Finding
	p := &plan.Plan{Version: 1, Environment: "production"}
	released := Released{Name: "production #42", State: "failed", Verdict: long, By: "alice", Link: run77, Approved: Approved{Digest: digest}}
	for i := range many {
		name := fmt.Sprintf("service-%d", i)
		checked.Services = append(checked.Services, Service{Name: name, Order: i, Port: 3000, Image: "r/" + name + "@" + digest, Healthy: i%2 == 0})
		checked.Images = append(checked.Images, Image{Service: name, Digest: digest})
		findings = append(findings, plan.Finding{ID: "checks/" + name, Status: plan.Fail, Text: long[:200], Advice: "mend it", Link: run77})
		released.Spans = append(released.Spans, Span{Name: name, Begun: time.Unix(int64(i), 0), Ended: time.Unix(int64(i+1), 0)})
		released.Approved.Approvals = append(released.Approved.Approvals, ledger.Approval{Group: name, By: "vera", Comment: long[:100]})
		o := plan.Object{ID: "Deployment/shop/" + name, Action: plan.Change}
		for j := range 60 {
			o.Fields = append(o.Fields, plan.Field{Path: fmt.Sprintf("spec.f%d", j), Before: value(long[:300]), After: value(long[:300])})
		}
		p.Services = append(p.Services, plan.Service{Name: name, After: "r/" + name + "@" + digest, Changed: true})
		p.Objects = append(p.Objects, o)
		p.Migrations = append(p.Migrations, plan.Migration{Name: name, SQL: strings.Repeat("<", 25000)})
	}
	checked.Stages = append(checked.Stages, Stage{Name: "deploy", Status: Failed, Error: long, Hint: long})
	shown := planned(t, p)
	shown.Link = run77
	for name, tt := range map[string]struct {
		write func(*bytes.Buffer) error
		rest  string // what it says of what is left out, "" where it is whole
	}{
		"plan":       {func(b *bytes.Buffer) error { return shown.Markdown(b) }, "in plan.json of the [run](" + run77 + ")"},
		"comparison": {func(b *bytes.Buffer) error { return Compared{Plan: p, Link: run77}.Markdown(b) }, "in the log of the [run](" + run77 + ")"},
		"pipeline":   {func(b *bytes.Buffer) error { return checked.Markdown(b) }, ""},
		"preflight":  {func(b *bytes.Buffer) error { return Findings(b, findings) }, ""},
		"gate":       {func(b *bytes.Buffer) error { return Gate(b, findings, released.Approved) }, ""},
		"release":    {func(b *bytes.Buffer) error { _, err := b.WriteString(released.Markdown()); return err }, "in report.html of the [run](" + run77 + ")"},
	} {
		var b bytes.Buffer
		if err := tt.write(&b); err != nil {
			t.Fatal(err)
		}
		if b.Len() > 1<<20 {
			t.Errorf("%s: %d bytes are more than a summary holds", name, b.Len())
		}
		if !strings.Contains(b.String(), tt.rest) {
			t.Errorf("%s does not say where the rest is", name)
		}
		t.Logf("%s: %d bytes", name, b.Len())
	}
}

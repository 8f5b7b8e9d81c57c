package releases

import (
	"strings"
	"testing"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
)

// A commit that changes nothing is signed with the release that stands there; one
// that does is not.
func TestSame(t *testing.T) {
	t.Parallel()
	const commit = "c0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ff"
	for name, tt := range map[string]struct {
		change func(*ledger.Record, *plan.Plan)
		says   string // "" where it is the same
	}{
		"the same":               {func(*ledger.Record, *plan.Plan) {}, ""},
		"the very commit":        {func(r *ledger.Record, _ *plan.Plan) { r.Source = commit }, ""},
		"a plan that changes":    {func(_ *ledger.Record, p *plan.Plan) { p.Objects = []plan.Object{{}} }, "would change something"},
		"a plan that migrates":   {func(_ *ledger.Record, p *plan.Plan) { p.Migrations = []plan.Migration{{}} }, "would change something"},
		"of another environment": {func(_ *ledger.Record, p *plan.Plan) { p.Environment = "testing" }, "its plan is for testing"},
		"another image":          {func(_ *ledger.Record, p *plan.Plan) { p.Services[0].After = "web:2" }, "its images are others"},
		"another migrator":       {func(r *ledger.Record, _ *plan.Plan) { r.Migrator = "migrate:2" }, "its images are others"},
		"a release that failed":  {func(r *ledger.Record, _ *plan.Plan) { r.State = ledger.Failed }, "staging #41"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &ledger.Record{Number: 41, Environment: "staging", State: ledger.Released, Source: strings.Repeat("1", 40), Images: map[string]string{"web": "web:1"}, Migrator: "migrate:1"}
			p := &plan.Plan{Environment: "staging", Source: commit, Services: []plan.Service{{Name: "web", Before: "web:1", After: "web:1"}}, Migrator: "migrate:1"}
			tt.change(r, p)
			err := same(r, p)
			if tt.says == "" && (err != nil || !r.Makes(commit)) || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says) || r.Makes(commit)) {
				t.Errorf("%v, %+v", err, r)
			}
		})
	}
}

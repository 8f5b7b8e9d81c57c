package release

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
)

// What was unhealthy before a release is its matter only if it wrote it; once all is
// as before, nothing is.
func TestUnwellAndNotTouched(t *testing.T) {
	record := func(objects ...ledger.Touched) *ledger.Record {
		return &ledger.Record{Objects: objects, Health: &ledger.Health{Services: []ledger.Condition{
			{Name: "a", Reason: "it crashes"}, {Name: "b", Reason: "it does not answer"}, {Name: "c", Reason: "it asks for no pods", Idle: true},
		}}}
	}
	zero := 0
	for name, tt := range map[string]struct {
		record *ledger.Record
		want   string
	}{
		"nothing is touched":            {record(), "a b c"},
		"one is changed":                {record(ledger.Touched{ID: "Deployment/shop/a", Service: "a"}, ledger.Touched{ID: "ConfigMap/shop/b"}), "b c"},
		"nobody looked":                 {&ledger.Record{}, ""},
		"it went back":                  {asBefore(record(ledger.Touched{Service: "a"})), "a b c"},
		"a rollback that was asked for": {asBefore(&ledger.Record{RollbackTo: &zero, Health: record().Health, Objects: []ledger.Touched{{Service: "a"}}}), "b c"},
	} {
		if got := strings.Join(slices.Sorted(maps.Keys(unwell(tt.record))), " "); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	r := record(ledger.Touched{Service: "a"})
	const want = "2 services run what was released; unhealthy before and not touched: b (it does not answer)"
	if got := released(r, &rollout.Result{Services: []rollout.ServiceResult{{Name: "a"}, {Name: "b", Before: "it does not answer"}, {Name: "c"}}}); got != want {
		t.Error(got)
	}
}

// Records from before there was such a thing are read, and say that nobody looked.
func TestHealthInRecords(t *testing.T) {
	data, err := json.Marshal(ledger.Record{Health: &ledger.Health{}})
	if err != nil || !strings.Contains(string(data), `"health":{}`) {
		t.Errorf("%s, %v", data, err)
	}
	if data, err = json.Marshal(ledger.Record{}); err != nil || strings.Contains(string(data), "health") {
		t.Errorf("%s, %v", data, err)
	}
	if before(&ledger.Record{}) != nil || before(&ledger.Record{Health: &ledger.Health{}}) == nil {
		t.Error("nobody looked, and all were healthy, are the same")
	}
}

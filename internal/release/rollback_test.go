package release

import (
	"fmt"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/ledger"
)

// TestAfter: which releases a rollback takes back. Before the first of those that
// stand there may have been others, as long as the ledger still knows of them.
func TestAfter(t *testing.T) {
	one := 1
	released, back := ledger.Record{State: ledger.Released}, ledger.Record{State: ledger.Released, RollbackTo: &one}
	failed, gone := ledger.Record{State: ledger.Failed}, ledger.Record{State: ledger.RolledBack}
	for _, tt := range []struct {
		name    string
		records []ledger.Record // oldest first
		first   int             // number of the oldest
		to      int
		want    string
	}{
		{"the newest of two", []ledger.Record{released, released}, 1, Previous, "[2] to 1"},
		{"the only one", []ledger.Record{released}, 1, Previous, "[1] to 0"},
		{"the first that did not fail", []ledger.Record{failed, released}, 1, Previous, "[2] to 0"},
		{"all of them, where the first failed", []ledger.Record{failed, released, released}, 1, 0, "[3 2] to 0"},
		{"the first after all went back", []ledger.Record{gone, back, released}, 1, 0, "[3] to 0"},
		{"the oldest that is known", []ledger.Record{failed, released}, 7, Previous, "production #0: the environment was never"},
		{"to nothing, which is not known", []ledger.Record{released, released}, 7, 0, "production #0: the environment was never"},
		{"to one that failed", []ledger.Record{failed, released, released}, 1, 1, "production #1: the environment was never"},
		{"the newest itself", []ledger.Record{released, released}, 1, 2, "nothing to roll back"},
		{"nothing", []ledger.Record{failed}, 1, Previous, "nothing to roll back"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var all []*ledger.Record
			for i := len(tt.records) - 1; i >= 0; i-- {
				r := tt.records[i]
				r.Number = tt.first + i
				all = append(all, &r)
			}
			o := Options{Ledger: &ledger.Ledger{Environment: "production"}}
			over, to, err := o.after(all, tt.to)
			var numbers []int
			for _, r := range over {
				numbers = append(numbers, r.Number)
			}
			got := fmt.Sprintf("%d to %d", numbers, to)
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

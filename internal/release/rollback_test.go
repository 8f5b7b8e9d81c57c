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
	zero, one := 0, 1
	uninstalled, undone := ledger.Record{State: ledger.Released, RollbackTo: &zero}, ledger.Record{State: ledger.Failed, RollbackTo: &one}
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
		{"the only one", []ledger.Record{released}, 1, Previous, "#1 is the only release that stands, and there is no earlier one"},
		{"the first that did not fail", []ledger.Record{failed, released}, 1, Previous, "#2 is the only release that stands"},
		{"the only one, to nothing", []ledger.Record{released}, 1, 0, "[1] to 0"},
		{"one that failed since", []ledger.Record{released, released, failed}, 1, Previous, "#3 failed and was rolled back already, and it runs #2"},
		{"two that failed since", []ledger.Record{released, released, failed, failed}, 1, Previous, "#4 failed and was rolled back already, and it runs #2"},
		{"one that failed since, further", []ledger.Record{released, released, failed}, 1, 1, "[2] to 1"},
		{"the only one, after one that failed", []ledger.Record{released, failed}, 1, Previous, "#2 failed and was rolled back already, and it runs #1"},
		{"twice", []ledger.Record{released, released, gone, back}, 1, Previous, "#4 rolled it back already, and it runs #2"},
		{"twice, further", []ledger.Record{released, released, gone, back}, 1, 1, "[2] to 1"},
		{"again after a rollback that did not begin", []ledger.Record{released, released, undone}, 1, Previous, "[2] to 1"},
		{"after one that failed, and a rollback that did not begin", []ledger.Record{released, released, failed, undone}, 1, Previous, "#3 failed and was rolled back already"},
		{"a release after a rollback", []ledger.Record{released, gone, back, released}, 1, Previous, "[4] to 1"},
		{"what was uninstalled", []ledger.Record{gone, uninstalled}, 1, Previous, "nothing to roll back"},
		{"all of them, where the first failed", []ledger.Record{failed, released, released}, 1, 0, "[3 2] to 0"},
		{"the first after all went back", []ledger.Record{gone, back, released}, 1, 0, "[3] to 0"},
		{"the oldest that is known", []ledger.Record{failed, released}, 7, Previous, "#8 is the only release that stands"},
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

// TestHintOfWhatGoesNoFurther: what is refused says which command does it.
func TestHintOfWhatGoesNoFurther(t *testing.T) {
	for want, err := range map[string]interface {
		Hint() string
		Usage() bool
	}{
		"`slipway rollback --env production --to 0` uninstalls":                        &NoEarlierError{Environment: "production", Runs: 1, Uninstall: true},
		"release what should run instead; `slipway releases":                           &NoEarlierError{Environment: "production", Runs: 9},
		"`slipway rollback --env production --to 4` goes one release further":          &AlreadyBackError{Environment: "production", Failed: 6, Runs: 5, Earlier: 4, Known: true},
		"no release before #5 stands: `slipway rollback --env production --to 0` unin": &AlreadyBackError{Environment: "production", Failed: 6, Runs: 5, Known: true},
		"nothing has to be rolled back; no release before #5 stands":                   &AlreadyBackError{Environment: "production", Rollback: 6, Runs: 5},
		"these can be gone back to: none":                                              &UnknownReleaseError{},
	} {
		if got := err.Hint(); !strings.Contains(got, want) || !err.Usage() {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestAim: what a rollback does about a release that ended in the middle, and that
// it is refused before it does anything.
func TestAim(t *testing.T) {
	one, two := 1, 2
	released, open := ledger.Record{State: ledger.Released}, ledger.Record{State: ledger.Stuck}
	idle := ledger.Record{State: ledger.Running, RollbackTo: &one}
	back := ledger.Record{State: ledger.Stuck, RollbackTo: &two, Steps: []ledger.Step{{Name: rollbackStep}}}
	for _, tt := range []struct {
		name    string
		records []ledger.Record // oldest first; the last one ended in the middle
		to      int
		want    string
	}{
		{"it", []ledger.Record{released, released, open}, Previous, "it alone"},
		{"it, to the one that it began from", []ledger.Record{released, released, open}, 2, "it alone"},
		{"it, and one more", []ledger.Record{released, released, open}, 1, "to 1"},
		{"it, and all others", []ledger.Record{released, released, open}, 0, "to 0"},
		{"the first", []ledger.Record{open}, Previous, "it alone"},
		{"the first, to nothing", []ledger.Record{open}, 0, "it alone"},
		{"to a number that is not known", []ledger.Record{released, released, open}, 7, "production #7: the environment was never"},
		{"a rollback that had not begun", []ledger.Record{released, released, idle}, Previous, "to 1"},
		{"a rollback that had not begun, by its number", []ledger.Record{released, released, idle}, 1, "to 1"},
		{"a rollback that had not begun, further", []ledger.Record{released, released, idle}, 0, "to 0"},
		{"a rollback", []ledger.Record{released, released, released, back}, Previous, "it alone"},
		{"a rollback, by its number", []ledger.Record{released, released, released, back}, 2, "it alone"},
		{"a rollback, further", []ledger.Record{released, released, released, back}, 1, "to 1"},
		{"a rollback, to what it takes back", []ledger.Record{released, released, released, back}, 3, "production #3: the environment was never"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var all []*ledger.Record
			for i := len(tt.records) - 1; i >= 0; i-- {
				r := tt.records[i]
				r.Number = i + 1
				all = append(all, &r)
			}
			o := Options{Ledger: &ledger.Ledger{Environment: "production"}}
			to, err := o.aimed(all, all[0], tt.to)
			got := fmt.Sprintf("to %d", to)
			if to == Unfinished {
				got = "it alone"
			}
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

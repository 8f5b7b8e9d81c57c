package release

import (
	"strings"
	"testing"

	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
)

// Where only the record of what ended in the middle can be read, it can be taken back.
func TestWayWithoutOtherRecords(t *testing.T) {
	o := Options{Ledger: &ledger.Ledger{Environment: "production"}}
	way, over, err := o.way(nil, &ledger.Record{Number: 4, State: ledger.Stuck}, Unfinished)
	if err != nil || way.To != 0 || !way.Continues || len(over) != 1 {
		t.Errorf("%+v, %d releases, %v", way, len(over), err)
	}
}

// A rollback that had noted nothing yet is closed, and leads nowhere.
func TestWayOfWhatHadNotBegun(t *testing.T) {
	o, none := Options{Ledger: &ledger.Ledger{Environment: "production"}}, 0
	open := &ledger.Record{Number: 2, State: ledger.Running, RollbackTo: &none}
	all := []*ledger.Record{open, {Number: 1, State: ledger.Released}}
	if way, _, err := o.way(all, open, Unfinished); err != nil || way.To != 1 || !way.Continues {
		t.Errorf("%+v, %v", way, err)
	}
	open.Steps = []ledger.Step{{Name: rollbackStep}}
	if way, _, err := o.way(all, open, Unfinished); err != nil || way.To != 0 || !way.Continues {
		t.Errorf("begun: %+v, %v", way, err)
	}
}

// A rollback that is refused once what ended in the middle is undone has changed
// something: it is no wrong use, and what to do is what the refusal says.
func TestRefusedAfterAnUndo(t *testing.T) {
	o := Options{Ledger: &ledger.Ledger{Environment: "production"}}
	refused := &rollout.NotOursError{Environment: "production", Conflicts: []string{"Deployment/shop/web: .spec is somebody's"}}
	err := o.notBegun(&ledger.Record{Number: 4}, refused)
	if action.Code(err) != action.Failed || action.Hint(err) != refused.Hint() || !strings.Contains(err.Error(), "production #4 had ended in the middle and was undone") {
		t.Errorf("%d, %s, %v", action.Code(err), action.Hint(err), err)
	}
	if err := o.notBegun(nil, refused); action.Code(err) != action.Usage {
		t.Errorf("nothing was undone, and it is no wrong use: %v", err)
	}
}

// What is accepted is the release that was shown, and no other that died meanwhile.
func TestAcceptWhatWasShown(t *testing.T) {
	o := Options{Ledger: &ledger.Ledger{Environment: "production"}, Agreed: &Way{Unfinished: 4}}
	if err := o.asShown(&ledger.Record{Number: 4}); err != nil {
		t.Error(err)
	}
	if err := o.asShown(&ledger.Record{Number: 5}); action.Code(err) != action.Usage || !strings.HasPrefix(err.Error(), "accept what is in production: another run") {
		t.Errorf("%v", err)
	}
}

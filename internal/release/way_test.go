package release

import (
	"testing"

	"github.com/teei/slipway/internal/ledger"
)

// Where only the record of what ended in the middle can be read, it can be taken back.
func TestWayWithoutOtherRecords(t *testing.T) {
	o := Options{Ledger: &ledger.Ledger{Environment: "production"}}
	way, over, err := o.way(nil, &ledger.Record{Number: 4, State: ledger.Stuck}, Unfinished)
	if err != nil || way.To != 0 || !way.Continues || len(over) != 1 {
		t.Errorf("%+v, %d releases, %v", way, len(over), err)
	}
}

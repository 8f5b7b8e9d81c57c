package watch

import (
	"testing"
	"time"

	"github.com/teei/slipway/internal/ledger"
)

// TestUninstalledIsNotWatched: of what was uninstalled nothing is missing.
func TestUninstalledIsNotWatched(t *testing.T) {
	now, zero, one := time.Now(), 0, 1
	for want, r := range map[State]*ledger.Record{
		Nothing:  {State: ledger.Released, RollbackTo: &zero, Ended: &now},
		Watching: {State: ledger.Released, RollbackTo: &one, Ended: &now},
	} {
		if _, got := (Options{For: time.Hour}).present([]*ledger.Record{r}, now); got != want {
			t.Errorf("%+v: %s, want %s", r, got, want)
		}
	}
}

package plan

import (
	"strings"
	"testing"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
)

// The record of another platform's release is not promoted, though environment and
// number are those asked for. One of an older version says no platform.
func TestRecordOfAnotherPlatform(t *testing.T) {
	t.Parallel()
	e := &environment.Environment{Platform: &platform.Platform{Name: "shop"}}
	for of, says := range map[string]string{"": "", "shop": "", "blog": "is of platform blog, and this is shop"} {
		folder := t.TempDir()
		if err := (&ledger.Record{Number: 41, Platform: of, Environment: "staging", State: ledger.Released}).WriteTo(folder); err != nil {
			t.Fatal(err)
		}
		o := &Options{From: "staging#41", Record: folder + "/release-000041.json"}
		if _, err := o.promoted(t.Context(), e); (err != nil) != (says != "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", of, err)
		}
	}
}

package sandbox

import (
	"slices"
	"testing"
)

// `down` finds its rules again by their mark, and the last word is that no
// neighbour gets in.
func TestRulesAreMarked(t *testing.T) {
	t.Parallel()
	all := rules()
	for _, r := range all {
		if !slices.Contains(r, "slipway sandbox") {
			t.Errorf("%v has no mark", r)
		}
	}
	if last := all[len(all)-1]; last[len(last)-1] != "DROP" || !slices.Contains(last, hostLink) {
		t.Errorf("the last rule is %v", last)
	}
}

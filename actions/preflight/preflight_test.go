package preflight

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/gate"
)

// A field of a dispatch takes one line.
func TestReadWaivers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]map[string]gate.Waive{
		"":                          {},
		"documentation=only a typo": {"documentation": {Why: "only a typo"}},
		"documentation@2h=only a typo; checks/lint=it is = broken;\n": {"documentation": {Why: "only a typo", For: 2 * time.Hour}, "checks/lint": {Why: "it is = broken"}},
		" documentation = only a typo\r\n\nnotes=none this time":      {"documentation": {Why: "only a typo"}, "notes": {Why: "none this time"}},
	} {
		if got, err := readWaivers(text); err != nil || !maps.Equal(got, want) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"documentation", "documentation=", "=why not", "notes=a;b", "notes@soon=only a typo", "notes@-2h=only a typo", "notes=why; documentation", "notes=" + strings.Repeat("x", 501)} {
		if got, err := readWaivers(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

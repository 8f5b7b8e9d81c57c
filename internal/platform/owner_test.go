package platform

import (
	"strings"
	"testing"
)

// A ledger's name says whose it is where it can, is a name that Kubernetes takes,
// and is no other owner's.
func TestLedgerName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("p", 63)
	tests := []struct{ platform, environment, want string }{
		{"teei", "production", "slipway-teei-production"},
		{"teei", "sandbox", "slipway-teei-sandbox"},
		{"a-b", "c", "slipway-a-b-c"},
		{"a", "b-c", "slipway-a-b-c-"},            // not that of a-b and c
		{"a-b-c", "0123456789", "slipway-a-b-c-"}, // what looks like a hash has one
		{"a", "b--c", "slipway-a-b--c-"},
		{long, "production", "slipway-ppp"},
		{long, "staging", "slipway-ppp"},
		{long[:62], "staging", "slipway-ppp"},
		{strings.Repeat("a-", 26) + "b", "production", "slipway-a-a-"},
	}
	seen := map[string]bool{}
	for _, tt := range tests {
		name := Owner{Platform: tt.platform, Environment: tt.environment}.Ledger()
		if badLabel(name) != "" || seen[name] {
			t.Errorf("%s %s: %q is no name of a namespace, or another's", tt.platform, tt.environment, name)
		}
		if strings.HasSuffix(tt.want, "-") || strings.HasSuffix(tt.want, "ppp") {
			if !strings.HasPrefix(name, tt.want) || !hashEnd.MatchString(name) {
				t.Errorf("%s %s: %q", tt.platform, tt.environment, name)
			}
		} else if name != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.platform, tt.environment, name, tt.want)
		}
		seen[name] = true
	}
	if a, b := (Owner{Platform: "a-b", Environment: "c"}).Ledger(), (Owner{Platform: "a", Environment: "b-c"}).Ledger(); a == b {
		t.Errorf("%s is the ledger of both", a)
	}
}

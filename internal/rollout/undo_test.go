package rollout

import (
	"strings"
	"testing"
)

// A service that goes back has to answer, and not only to be available. What is
// wrong with one does not keep the others from going back.
func TestUndoAsksForHealth(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	first := s.options(version("gateway", "1"), version("profile", "1").with("HEALTH", "500"))
	first.Services[1].Health = ""
	if _, err := Deploy(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	result, err := Deploy(t.Context(), s.options(version("gateway", "2"), version("profile", "2"), version("cockpit", "2").with("EXIT", "no database")))
	if all := Failures(err); len(all) != 2 || all[0].Service != "cockpit" || all[1].Service != "profile" || len(all[1].Events) == 0 {
		t.Fatalf("%v", err)
	}
	for _, u := range result.Undone {
		sick := u.Service == "profile"
		if u.Verified == sick || sick && !strings.Contains(u.Error, "does not answer /health on port 8080: 500") {
			t.Errorf("%+v", u)
		}
	}
	if now := s.versions(); now["gateway"] != "1 1/1" || now["profile"] != "1 1/1" {
		t.Errorf("after the undo: %v", now)
	}
}

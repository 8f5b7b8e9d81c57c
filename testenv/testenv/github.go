package testenv

import (
	"strings"
	"testing"

	"github.com/teei/slipway/testenv/github"
)

// GitHub serves a stand-in for this test alone. At its end nothing may have been
// asked or answered that GitHub's own description does not have.
func GitHub(t testing.TB, h *github.Hub) *github.Server {
	t.Helper()
	s, err := h.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Close()
		if _, violations := h.Requests(); len(violations) > 0 {
			t.Errorf("GitHub's description has other requests or answers:\n%s", strings.Join(violations, "\n"))
		}
	})
	return s
}

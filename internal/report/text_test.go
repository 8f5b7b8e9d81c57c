package report

import (
	"errors"
	"testing"
)

func TestMessagesOfJoinedErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "",
		"flow checkout: it answered 500": "flow checkout: it answered 500",
		errors.Join(errors.New("flow checkout: it answered 500"), errors.New("verify what was taken back: flow sign-up: it answered 502")).Error(): "flow checkout: it answered 500; verify what was taken back: flow sign-up: it answered 502",
		"plan 0a1b is refused for 2 reasons:\n  - an image\n  - a migration\n":                                                                     "plan 0a1b is refused for 2 reasons: - an image; - a migration",
	} {
		if got := messages(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

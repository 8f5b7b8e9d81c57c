package release

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/teei/slipway/internal/rollout"
)

// story is how two services come up, and one of them goes back.
func story(tell func(rollout.Progress)) {
	at := func(service string, phase rollout.Phase, ready, wanted, seconds int, detail string) {
		tell(rollout.Progress{Service: service, Phase: phase, Ready: ready, Wanted: wanted, Elapsed: time.Duration(seconds) * time.Second, Detail: detail})
	}
	at("web", rollout.Applying, 0, 0, 0, "")
	for second := range 12 {
		at("web", rollout.Waiting, 0, 2, second, "0 of 2 new pods are ready")
	}
	at("web", rollout.Waiting, 1, 2, 13, "1 of 2 new pods are ready")
	at("web", rollout.Waiting, 2, 2, 14, "old pods are still there")
	at("web", rollout.Probing, 2, 2, 15, "")
	tell(rollout.Progress{Service: "web", Phase: rollout.Healthy, Ready: 2, Wanted: 2, Elapsed: 16 * time.Second, Answered: 12 * time.Millisecond})
	at("api", rollout.Applying, 0, 0, 0, "")
	at("api", rollout.Waiting, 0, 1, 1, "")
	at("api", rollout.Failed, 0, 1, 2, "it ended")
	at("web", rollout.Undoing, 0, 0, 0, "")
	at("web", rollout.Undoing, 1, 2, 3, "1 of 2 new pods are ready")
	at("web", rollout.Undid, 0, 0, 4, "restored")
}

// A log is not flooded: a line when a pod is ready, and one every ten seconds.
func TestTellerOfALog(t *testing.T) {
	var got []string
	story(Teller(func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }, nil))
	want := []string{
		"· web", "  web: 0 of 2 pods ready, 10s", "  web: 1 of 2 pods ready, 13s", "✓ web healthy after 16.0s, answers in 12 ms",
		"· api", "✗ api: it ended", "↩ web", "  web: 1 of 2 pods ready, 3s", "↩ web restored after 4.0s",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// On a terminal each second shows, in a line that goes away.
func TestTellerOfATerminal(t *testing.T) {
	var said, shown []string
	story(Teller(func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }, func(line string) { shown = append(shown, line) }))
	if want := []string{"· web", "✓ web healthy after 16.0s, answers in 12 ms", "· api", "✗ api: it ended", "↩ web", "↩ web restored after 4.0s"}; !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	for _, want := range []string{
		"  web: 0 of 2 pods ready, 7s", "  web: 2 of 2 pods ready, 14s, old pods are still there",
		"  web: 2 of 2 pods ready, 15s, is asked for its health", "  api: 0 of 1 pod ready, 1s", "  web: 1 of 2 pods ready, 3s",
	} {
		if !slices.Contains(shown, want) {
			t.Errorf("%q was not shown: %q", want, shown)
		}
	}
	if last := shown[len(shown)-1]; last != "" {
		t.Errorf("%q stays", last)
	}
}

// What holds a service up is in a log as soon as it is known, and once.
func TestTellerNamesWhatHoldsUp(t *testing.T) {
	var got []string
	tell := Teller(func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }, nil)
	for second := range 9 {
		why := ""
		if second > 1 {
			why = "no node takes it: 1 Insufficient cpu."
		}
		tell(rollout.Progress{Service: "web", Phase: rollout.Waiting, Wanted: 1, Elapsed: time.Duration(second) * time.Second, Detail: "0 of 1 new pods are ready", Why: why})
	}
	if want := []string{"  web: 0 of 1 pod ready, 2s, no node takes it: 1 Insufficient cpu."}; !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

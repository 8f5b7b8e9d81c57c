package release

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/teei/slipway/internal/rollout"
)

// quiet is how long a service that is waited for may go without a line, where
// nobody looks at a terminal.
const quiet = 10 * time.Second

// teller tells people how a rollout goes on.
type teller struct {
	say  func(format string, args ...any)
	show func(line string)
	last map[string]rollout.Phase
	// What is waited for, in the order in which that began.
	waiting []string
	now     map[string]rollout.Progress // as it is
	told    map[string]rollout.Progress // as it was said last
}

// Teller says each phase of a service once, in a line for people. While one is
// waited for, show has a line that the next one replaces; where it is nil, there
// is a line when the number of ready pods changes, and now and then.
func Teller(say func(format string, args ...any), show func(line string)) func(rollout.Progress) {
	t := &teller{say: say, show: show, last: map[string]rollout.Phase{}, now: map[string]rollout.Progress{}, told: map[string]rollout.Progress{}}
	return t.tell
}

func (t *teller) tell(p rollout.Progress) {
	first := t.last[p.Service] != p.Phase
	t.last[p.Service] = p.Phase
	switch p.Phase {
	case rollout.Waiting, rollout.Probing, rollout.Settling:
		t.wait(p)
		return
	case rollout.Undoing:
		if !first {
			t.wait(p)
			return
		}
		t.waiting = nil // whatever was waited for goes back
	case rollout.Applying, rollout.Hooking, rollout.Hooked, rollout.Passed, rollout.Healthy, rollout.Failed, rollout.Undid, rollout.Leaving:
		t.waiting = slices.DeleteFunc(t.waiting, func(s string) bool { return s == p.Service })
	}
	if first {
		t.phase(p)
	}
	t.status()
}

func (t *teller) phase(p rollout.Progress) {
	switch p.Phase {
	case rollout.Applying:
		t.say("· %s", p.Service)
	case rollout.Hooking:
		t.say("· %s: hook %s", p.Service, p.Detail)
	case rollout.Hooked:
		t.say("✓ %s: hook %s after %.1fs", p.Service, p.Detail, p.Elapsed.Seconds())
	case rollout.Passed:
		t.say("· %s: %s", p.Service, p.Detail)
	case rollout.Healthy:
		if p.Detail != "" {
			t.say("✓ %s: %s", p.Service, p.Detail)
			return
		}
		t.say("✓ %s healthy after %.1fs%s", p.Service, p.Elapsed.Seconds(), answered(p.Answered))
	case rollout.Failed:
		t.say("✗ %s: %s", p.Service, p.Detail)
	case rollout.Undoing:
		t.say("↩ %s", p.Service)
	case rollout.Leaving:
		t.say("· %s: %s", p.Service, p.Detail)
	case rollout.Undid:
		t.say("↩ %s %s after %.1fs", p.Service, p.Detail, p.Elapsed.Seconds())
	case rollout.Waiting, rollout.Probing, rollout.Settling: // they last, and are shown as they do
	}
}

// answered says how long an answer took, if anybody asked.
func answered(took time.Duration) string {
	if took == 0 {
		return ""
	}
	return fmt.Sprintf(", answers in %d ms", max(1, took.Milliseconds()))
}

// wait tells of a service that is waited for.
func (t *teller) wait(p rollout.Progress) {
	if !slices.Contains(t.waiting, p.Service) {
		t.waiting, t.told[p.Service] = append(t.waiting, p.Service), rollout.Progress{}
	}
	t.now[p.Service] = p
	if t.show != nil {
		t.status()
		return
	}
	told := t.told[p.Service]
	// All of them ready is not said: the next phase does.
	more := p.Ready != told.Ready && p.Ready < p.Wanted
	if held := p.Why != "" && p.Why != told.Why; more || held || p.Elapsed-told.Elapsed >= quiet {
		t.told[p.Service] = p
		t.say("  %s", waitingFor(p))
	}
}

// status shows all that is waited for, in one line.
func (t *teller) status() {
	if t.show == nil {
		return
	}
	var parts []string
	for _, service := range t.waiting {
		parts = append(parts, waitingFor(t.now[service]))
	}
	if len(parts) > 0 {
		parts[0] = "  " + parts[0]
	}
	t.show(strings.Join(parts, " · "))
}

// waitingFor is how far a service is: api-gateway: 1 of 2 pods ready, 12s, old pods are still there.
func waitingFor(p rollout.Progress) string {
	text := fmt.Sprintf("%s: %d of %s ready, %ds", p.Service, p.Ready, count(p.Wanted, "pod"), int(p.Elapsed.Seconds()))
	switch {
	case p.Why != "":
		text += ", " + p.Why
	case p.Phase == rollout.Settling:
		text += ", settles"
	case p.Phase == rollout.Probing:
		text += ", is asked for its health"
	case p.Detail != "" && !strings.Contains(p.Detail, "pods are ready"):
		text += ", " + p.Detail
	}
	return text
}

package release

import "github.com/teei/slipway/internal/rollout"

// Teller says each phase of a service once, in a line for people.
func Teller(say func(format string, args ...any)) func(rollout.Progress) {
	last := map[string]rollout.Phase{}
	return func(p rollout.Progress) {
		if last[p.Service] == p.Phase {
			return
		}
		last[p.Service] = p.Phase
		switch p.Phase {
		case rollout.Applying:
			say("· %s", p.Service)
		case rollout.Hooking:
			say("· %s: hook %s", p.Service, p.Detail)
		case rollout.Hooked:
			say("✓ %s: hook %s after %.1fs", p.Service, p.Detail, p.Elapsed.Seconds())
		case rollout.Healthy:
			say("✓ %s healthy after %.1fs", p.Service, p.Elapsed.Seconds())
		case rollout.Failed:
			say("✗ %s: %s", p.Service, p.Detail)
		case rollout.Undoing:
			say("↩ %s", p.Service)
		case rollout.Undid:
			say("↩ %s %s after %.1fs", p.Service, p.Detail, p.Elapsed.Seconds())
		case rollout.Waiting, rollout.Probing, rollout.Settling: // the next phase says how it went
		}
	}
}

package release

import (
	"slices"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
)

// unreached is what becomes of services that a release never comes to.
func unreached(services []rollout.Service) map[string]string {
	out := map[string]string{}
	for _, s := range services {
		out[s.Name] = string(rollout.NotReached)
	}
	return out
}

// judge notes in a record what became of each service.
func judge(r *ledger.Record, result *rollout.Result) {
	if result == nil {
		return
	}
	result.Judge()
	if r.Outcomes == nil {
		r.Outcomes = map[string]string{}
	}
	for i := range result.Services {
		s := &result.Services[i]
		// An attempt before this one, which died, may have made it what it is.
		if s.Outcome == rollout.Unchanged && slices.ContainsFunc(r.Objects, func(t ledger.Touched) bool { return t.Service == s.Name }) {
			s.Outcome = rollout.Released
		}
		r.Outcomes[s.Name] = string(s.Outcome)
	}
	if len(result.Services) > 0 {
		return
	}
	for _, u := range result.Undone { // a way back, that has no services of its own
		switch {
		case u.Service == "" || r.RollbackTo != nil && u.Action == "deleted":
		case r.Outcomes[u.Service] == string(rollout.Broken):
			// It is why the release failed, also where it is as before again.
		case u.Verified:
			r.Outcomes[u.Service] = string(rollout.Restored)
		default:
			r.Outcomes[u.Service] = string(rollout.Broken)
		}
	}
}

// undisturbed notes of a rollback which services it had nothing to do for.
func undisturbed(r *ledger.Record) {
	for service := range r.Images {
		if r.Outcomes[service] == "" {
			r.Outcomes[service] = string(rollout.Unchanged)
		}
	}
}

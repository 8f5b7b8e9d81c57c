package rollout

// Outcome is what became of a service in a release, for people: one of these words
// and no other, in tables, totals and reports.
type Outcome string

// The outcomes of a service.
const (
	Released   Outcome = "released"    // it runs what was released
	Restored   Outcome = "restored"    // it is as before again
	Unchanged  Outcome = "unchanged"   // there was nothing to change, and it works, or did not before either
	Broken     Outcome = "failed"      // it is why the release failed, or it could not be restored
	NotReached Outcome = "not reached" // the release ended before its turn
)

// Outcomes are all of them, in the order in which totals name them.
var Outcomes = []Outcome{Released, Unchanged, Restored, Broken, NotReached}

// Judge says of each service what became of it, once the rollout has ended and what
// was to be taken back is taken back.
func (r *Result) Judge() {
	undone := map[string]Undone{}
	for _, u := range r.Undone {
		if u.Service != "" {
			undone[u.Service] = u
		}
	}
	for i := range r.Services {
		s := &r.Services[i]
		back, wentBack := undone[s.Name]
		s.Outcome = r.judge(*s, back, wentBack)
	}
}

func (r *Result) judge(s ServiceResult, back Undone, wentBack bool) Outcome {
	switch {
	case s.Failed, r.Failure != nil && r.Failure.Service == s.Name, wentBack && !back.Verified:
		return Broken
	case wentBack:
		return Restored
	case s.Healthy && s.Changed:
		return Released
	case s.Healthy, s.Before != "":
		return Unchanged
	}
	return NotReached
}

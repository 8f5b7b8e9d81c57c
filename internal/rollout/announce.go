package rollout

import "context"

// announce tells the journal all that the steps to come will change, so that it is
// stored once, and finds out which of them are followed by the next one at once.
func (r *run) announce(ctx context.Context, others []Difference, workloads map[string]Difference) error {
	steps := map[string][]Change{}
	if changes := r.changes(others); len(changes) > 0 {
		steps[Configuration] = changes
	}
	for name, d := range workloads {
		if changes := r.changes([]Difference{d}); len(changes) > 0 {
			steps[name] = changes
		}
	}
	r.followed = map[string]bool{Configuration: r.writes(0, steps), Verification: true}
	for i := 0; i < len(r.Services); i = r.groupEnd(i) {
		if r.groupEnd(i) == i+1 { // those of a group wait for each other
			r.followed[r.Services[i].Name] = r.writes(i+1, steps)
		}
	}
	if r.Journal == nil || len(steps) == 0 {
		return nil
	}
	return r.Journal.Prepare(ctx, steps)
}

// writes reports whether what comes at service i begins with a note in the journal:
// a service that does not change has none, and is waited for.
func (r *run) writes(i int, steps map[string][]Change) bool {
	if i == len(r.Services) {
		return true // the verification, or the end
	}
	for _, s := range r.Services[i:r.groupEnd(i)] {
		if steps[s.Name] != nil {
			return true
		}
	}
	return false
}

// groupEnd is the end of those services that are released together with service i.
func (r *run) groupEnd(i int) int {
	until := i + 1
	for until < len(r.Services) && r.Services[i].Group != 0 && r.Services[until].Group == r.Services[i].Group {
		until++
	}
	return until
}

// changes describes what is about to be written of objects.
func (r *run) changes(differences []Difference) (changes []Change) {
	for _, d := range differences {
		if d.Changed {
			changes = append(changes, r.change(d))
		}
		if d.Retired != nil {
			changes = append(changes, r.retired(d.Retired))
		}
	}
	return changes
}

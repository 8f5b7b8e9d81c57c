package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// converge waits for a workload that is no service's: it has to come up, or to
// come to its end. What holds it up is told; otherwise there is little to say.
func (r *run) converge(ctx context.Context, id string, g goal, changed bool) error {
	told := false
	for {
		v, err := r.view.wait(ctx, g, func(v verdict) {
			if v.hold == nil {
				return
			}
			told = true
			r.report(Progress{Service: id, Phase: g.phase(Waiting), Ready: v.ready, Wanted: v.wanted, Elapsed: time.Since(g.start), Detail: v.waiting, Why: r.redact(v.why())})
		})
		if err != nil {
			return fmt.Errorf("wait for %s: %w", id, err)
		}
		if v.failure != nil {
			return r.diagnose(ctx, g.name, v.failure)
		}
		if w := r.view.workload(g.kind, g.name); w != nil && changed && g.kind == podKind && !w.ends() {
			// Nothing but time shows whether it stays: it need not have a probe.
			told = true
			failed, err := r.stay(ctx, Service{Name: id}, g, v)
			switch {
			case errors.Is(err, errMoved):
				continue
			case err != nil:
				return err
			case failed != nil:
				return r.diagnose(ctx, g.name, failed)
			}
		}
		if changed {
			r.mu.Lock()
			r.settled[id] = exitsOf(v.pods)
			r.mu.Unlock()
		}
		if told {
			r.report(Progress{Service: id, Phase: Healthy, Ready: v.ready, Wanted: v.wanted, Elapsed: time.Since(g.start)})
		}
		return nil
	}
}

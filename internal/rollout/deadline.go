package rollout

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
)

// deadline is how long a service may take to be healthy.
func (r *run) deadline(s Service) time.Duration {
	if s.Deadline > 0 {
		return s.Deadline
	}
	return r.Deadline
}

// deadlineBack is how long one may take that goes back: what it had then, or has
// now, whichever is longer.
func (r *run) deadlineBack(was Service) time.Duration {
	most := r.deadline(was)
	for _, s := range r.Services {
		if s.Name == was.Name {
			most = max(most, r.deadline(s))
		}
	}
	return most
}

// ShortDeadlineError says that a workload could not be healthy within its deadline,
// however well it does.
type ShortDeadlineError struct {
	Object                     string // its ID
	Service                    string // "" if it is none's
	Deadline, MinReady, Settle time.Duration
}

func (e *ShortDeadlineError) Error() string {
	return fmt.Sprintf("release %s: its deadline of %s is shorter than what it has to stay available, minReadySeconds (%s) and verify.settle (%s)", e.Object, e.Deadline, e.MinReady, e.Settle)
}

// Usage marks that nothing was begun.
func (e *ShortDeadlineError) Usage() bool { return true }

// Hint says what to do about it.
func (e *ShortDeadlineError) Hint() string {
	if e.Service != "" {
		return "raise deadline of service " + e.Service + " in slipway.yaml, or lower minReadySeconds in the manifests"
	}
	return "raise deadline in slipway.yaml, or lower minReadySeconds in the manifests"
}

// checkDeadlines refuses what could not be healthy in time.
func (o *Options) checkDeadlines() error {
	deadlines := map[string]time.Duration{}
	for _, s := range o.Services {
		deadlines[s.Name] = s.Deadline
	}
	for _, obj := range o.Objects {
		if !serves(obj.GetKind()) || obj.GetNamespace() != o.Namespace {
			continue
		}
		e := &ShortDeadlineError{Object: kube.ID(obj), Deadline: o.Deadline}
		if deadline, ok := deadlines[obj.GetName()]; ok {
			e.Service, e.Settle = obj.GetName(), o.Settle
			if deadline > 0 {
				e.Deadline = deadline
			}
		}
		seconds, _, _ := unstructured.NestedInt64(obj.Object, "spec", "minReadySeconds")
		e.MinReady = time.Duration(seconds) * time.Second
		if e.Deadline > 0 && e.Deadline < e.MinReady+e.Settle {
			return e
		}
	}
	return nil
}

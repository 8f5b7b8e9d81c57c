package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/platform"
)

// formerName is the namespace in which older versions recorded the releases of an
// environment, whatever the platform.
func formerName(environment string) string { return "slipway-" + environment }

// Former is the ledger that older versions kept of the environment.
func Former(cluster *kube.Cluster, of platform.Owner) (*Ledger, error) {
	l, err := Open(cluster, of)
	if err != nil {
		return nil, err
	}
	l.Namespace, l.former = formerName(of.Environment), true
	return l, nil
}

// FormerError says that an older version has recorded releases of the environment
// which are not moved yet: to begin with #1 would forget what is there.
type FormerError struct {
	Environment, Former, Ledger string
	Releases                    int
}

func (e *FormerError) Error() string {
	return fmt.Sprintf("%s holds %d records of %s that an older version wrote, and %s holds none", e.Former, e.Releases, e.Environment, e.Ledger)
}

// Usage marks that nothing was begun.
func (e *FormerError) Usage() bool { return true }

// Hint says what to do about it.
func (e *FormerError) Hint() string {
	return "move them: `slipway ledger move --env " + e.Environment + "`"
}

// begins fails with a *FormerError where the ledger is not the environment's first.
// Who may not look there has released nothing there.
func (l *Ledger) begins(ctx context.Context) error {
	if l.former || l.alone.Load() {
		return nil
	}
	former, err := Former(l.cluster, l.Owner())
	if err != nil {
		return err
	}
	stored, err := former.storedThere(ctx)
	if err != nil {
		return err
	}
	count := map[owned]int{}
	for _, s := range stored {
		whose, err := former.whose(ctx, s)
		if err != nil {
			return err
		}
		count[whose]++
	}
	mine := count[ours] + count[both]
	if count[theirs] == 0 {
		mine += count[unknown]
	}
	if mine > 0 {
		if begun, err := l.begun(ctx); err != nil || begun {
			l.alone.Store(begun)
			return err
		}
		return &FormerError{Environment: l.Environment, Former: former.Namespace, Ledger: l.Namespace, Releases: mine}
	}
	l.alone.Store(true)
	return nil
}

// begun reports whether the ledger has records of its own, such as those that were
// moved, which stay in the former one too: then what is missing is missing.
func (l *Ledger) begun(ctx context.Context) (bool, error) {
	stored, err := kube.List[corev1.ConfigMap](ctx, l.cluster, kube.ConfigMaps, l.Namespace, releaseLabel, "")
	if kube.Refused(err) {
		return false, nil
	}
	part := func(s *corev1.ConfigMap) bool { return s.Name == movingName }
	return len(stored) > 0 && !slices.ContainsFunc(stored, part), err
}

// storedThere are the objects that hold records of a former ledger, none where
// there is no such ledger, or nobody here may look.
func (l *Ledger) storedThere(ctx context.Context) ([]*corev1.ConfigMap, error) {
	live, err := l.cluster.Read(ctx, namespaceNamed(l.Namespace, nil))
	if kube.Refused(err) || err == nil && (live == nil || errors.As(l.accepts(live), new(*ForeignError))) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	stored, err := kube.List[corev1.ConfigMap](ctx, l.cluster, kube.ConfigMaps, l.Namespace, releaseLabel, "")
	if kube.Refused(err) {
		return nil, nil
	}
	return slices.DeleteFunc(stored, func(s *corev1.ConfigMap) bool { return s.Annotations[movedNote] != "" }), err
}

// whose is a record of a former ledger, which does not say its platform.
type owned int

const (
	unknown owned = iota // it touched nothing, or cannot be read
	ours
	theirs
	both
)

// whose is decided by the namespace of what a release touched or wanted: two
// platforms that shared a ledger did not share that.
func (l *Ledger) whose(ctx context.Context, stored *corev1.ConfigMap) (owned, error) {
	record, damaged := parse(stored)
	if damaged != nil || l.Application == "" {
		return unknown, nil
	}
	places, err := l.places(ctx, record)
	if err != nil {
		return unknown, err
	}
	out := unknown
	for _, place := range places {
		is := theirs
		if place == l.Application {
			is = ours
		}
		if out != unknown && out != is {
			return both, nil
		}
		out = is
	}
	return out, nil
}

// touchedPlaces are the namespaces that a release wrote to, as its record has them.
func touchedPlaces(record *Record) (out []string) {
	if record.Namespace != "" {
		out = append(out, record.Namespace)
	}
	for _, t := range record.Objects {
		if namespace := t.Object().GetNamespace(); namespace != "" && !slices.Contains(out, namespace) {
			out = append(out, namespace)
		}
	}
	return out
}

// IntentStep is the step of a record that holds what the release wants.
const IntentStep = "intent"

// places are the namespaces that a release touched or wanted to.
func (l *Ledger) places(ctx context.Context, record *Record) ([]string, error) {
	out := touchedPlaces(record)
	if len(out) > 0 {
		return out, nil
	}
	for _, step := range record.Steps {
		var wanted struct {
			Namespace string `json:"namespace"`
		}
		if step.Name != IntentStep || len(step.Before) == 0 {
			continue
		}
		err := l.Before(ctx, step, &wanted)
		if ctx.Err() != nil || errors.As(err, new(*kube.UnreachableError)) {
			return nil, err
		}
		if err != nil {
			continue // it is damaged, or nobody here may look: nobody can say
		}
		out = append(out, strings.TrimSpace(wanted.Namespace))
	}
	return slices.DeleteFunc(out, func(place string) bool { return place == "" }), nil
}

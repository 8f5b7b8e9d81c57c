package ledger

import (
	"context"
	"fmt"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/platform"
)

// The marks of what is Slipway's own: a name alone says nothing.
const (
	managedLabel     = "app.kubernetes.io/managed-by"
	platformLabel    = "slipway.dev/platform"
	environmentLabel = "slipway.dev/environment"
	namespaceLabel   = "slipway.dev/namespace"
)

// marks are the labels that say whose something is.
func marks(of platform.Owner) map[string]string {
	labels := map[string]string{managedLabel: kube.Manager, platformLabel: of.Platform, environmentLabel: of.Environment}
	if of.Namespace != "" {
		labels[namespaceLabel] = of.Namespace
	}
	return labels
}

// ownerOf reads them; ok is false where there are none.
func ownerOf(labels map[string]string) (of platform.Owner, ok bool) {
	of = platform.Owner{Platform: labels[platformLabel], Environment: labels[environmentLabel], Namespace: labels[namespaceLabel]}
	return of, of.Platform != "" && of.Environment != ""
}

// ForeignError says that what has the name of ours is somebody else's.
type ForeignError struct {
	Object string         // Kind/name, or Kind/namespace/name
	Ours   platform.Owner // who we are
	Theirs platform.Owner // nothing where the object does not say

	advice string
}

func (e *ForeignError) Error() string {
	switch {
	case e.Theirs.Platform == "" && e.Theirs.Environment == "":
		return fmt.Sprintf("%s is not Slipway's: it has no label %s", e.Object, platformLabel)
	case e.Theirs.Platform == "":
		return fmt.Sprintf("%s belongs to environment %s, and this is %s", e.Object, e.Theirs.Environment, e.Ours)
	case e.Theirs.Platform == e.Ours.Platform && e.Theirs.Environment == e.Ours.Environment:
		return fmt.Sprintf("%s is of %s in namespace %s, and slipway.yaml says namespace %s", e.Object, e.Theirs, e.Theirs.Namespace, e.Ours.Namespace)
	}
	return fmt.Sprintf("%s belongs to %s, and this is %s", e.Object, e.Theirs, e.Ours)
}

// Usage marks that nothing was begun.
func (e *ForeignError) Usage() bool { return true }

// Hint says what to do about it.
func (e *ForeignError) Hint() string { return e.advice }

// check fails with a *ForeignError where the ledger's namespace is not ours. One
// that does not exist is fine.
func (l *Ledger) check(ctx context.Context) error {
	if l.checked.Load() {
		return nil
	}
	live, err := l.cluster.Read(ctx, namespaceNamed(l.Namespace, nil))
	if kube.Refused(err) {
		return &NamespaceError{Namespace: l.Namespace, Err: err}
	} else if err != nil {
		return fmt.Errorf("open the ledger of %s: %w", l.Environment, err)
	}
	if live == nil {
		return nil
	}
	if err := l.accepts(live); err != nil {
		return err
	}
	l.checked.Store(true)
	return nil
}

// accepts fails with a *ForeignError where a live namespace is not that of the ledger.
func (l *Ledger) accepts(live *kube.Object) error {
	theirs, marked := ownerOf(live.GetLabels())
	e := &ForeignError{Object: "Namespace/" + l.Namespace, Ours: l.Owner(), Theirs: theirs}
	label := fmt.Sprintf("`kubectl label --overwrite namespace %s", l.Namespace)
	switch {
	case l.former && marked: // it has the name that an older version would have given ours
		e.advice = "there is nothing to move"
		return e
	case l.former:
		return nil
	case !marked:
		for _, name := range []string{managedLabel, platformLabel, environmentLabel, namespaceLabel} {
			if value := marks(l.Owner())[name]; value != "" {
				label += " " + name + "=" + value
			}
		}
		e.advice = "if it was made for these releases, say so: " + label + "`; else give the platform another name in " + platform.File
		return e
	case theirs.Platform != l.Platform || theirs.Environment != l.Environment:
		e.advice = "give the platform another name in " + platform.File
		return e
	case theirs.Namespace != l.Application && theirs.Namespace != "" && l.Application != "":
		e.advice = "put the namespace back in " + platform.File + "; if the environment is to move, " + label + " " + namespaceLabel + "=" + l.Application + "`"
		return e
	}
	return nil
}

// foreign fails with a *ForeignError where a record is another's. Those of older
// versions do not say of which platform they are.
func (l *Ledger) foreign(records []*Record) error {
	for _, r := range records {
		if r.Environment == l.Environment && (r.Platform == "" || r.Platform == l.Platform) {
			continue
		}
		return &ForeignError{
			Object: "ConfigMap/" + l.Namespace + "/" + recordName(r.Number), Ours: l.Owner(),
			Theirs: platform.Owner{Platform: r.Platform, Environment: r.Environment, Namespace: r.Namespace},
			advice: "look with kubectl how it came there; nothing is released before it is gone",
		}
	}
	return nil
}

// Here fails with a *ForeignError where a release was made to another namespace than
// the application's: to take it back would change what is not this environment's.
func (l *Ledger) Here(r *Record) error {
	if l.Application == "" {
		return nil
	}
	for _, place := range touchedPlaces(r) {
		if place == l.Application {
			continue
		}
		theirs := l.Owner()
		theirs.Namespace = place
		return &ForeignError{
			Object: l.Name(r.Number), Ours: l.Owner(), Theirs: theirs,
			advice: "put the namespace back in " + platform.File + " to take it back; what was released since the move can be gone back to",
		}
	}
	return nil
}

// found makes the namespace if there is none, marked with whose it is. Where that
// is not allowed, the error is a *NamespaceError.
func (l *Ledger) found(ctx context.Context) error {
	for {
		if err := l.check(ctx); err != nil || l.checked.Load() {
			return err
		}
		if err := l.begins(ctx); err != nil {
			return err
		}
		_, err := l.cluster.Create(ctx, namespaceNamed(l.Namespace, marks(l.Owner())))
		switch {
		case err == nil:
			l.checked.Store(true)
			return nil
		case kube.Exists(err):
			continue // somebody was faster, or only the answer was lost: whose is it?
		case kube.Refused(err):
			return &NamespaceError{Namespace: l.Namespace, Err: err}
		}
		return fmt.Errorf("open the ledger of %s: %w", l.Environment, err)
	}
}

func namespaceNamed(name string, labels map[string]string) *kube.Object {
	obj := &kube.Object{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}
	if labels != nil {
		obj.SetLabels(labels)
	}
	return obj
}

package rollout

import (
	"fmt"
	"strings"

	"github.com/teei/slipway/internal/kube"
)

// EditedError says that somebody changed an object in the middle of the release.
type EditedError struct {
	Object, Manager string
	Fields          []string // where, and never what is there; none where it was made
}

func (e *EditedError) Error() string {
	if len(e.Fields) == 0 {
		return fmt.Sprintf("%s was made by %s while this release ran; it was not overwritten", e.Object, e.Manager)
	}
	return fmt.Sprintf("%s was changed by %s at %s while this release ran; that change was not overwritten", e.Object, e.Manager, Places(e.Fields))
}

// Hint says what to do about it.
func (e *EditedError) Hint() string {
	if len(e.Fields) == 0 {
		return "look whose it is: `slipway adopt` takes it over for the next release, or it goes before that"
	}
	return "put the change into the manifests, or take it back, and release again"
}

// unmade fails where somebody else made an object that a release is about to make.
// What the cluster makes in each namespace by itself is nobody's.
func unmade(live *kube.Object) error {
	if live == nil || kube.Ours(live) || kube.ByTheCluster(live) {
		return nil
	}
	return &EditedError{Object: kube.ID(live), Manager: kube.LastOther(live)}
}

// NotBackError says that an object was put back and is not as it was before.
type NotBackError struct {
	Object, Manager string // who wrote it last
	Fields          []string
	Environment     string
}

func (e *NotBackError) Error() string {
	return fmt.Sprintf("%s is not as it was before at %s; %s wrote it last", e.Object, Places(e.Fields), e.Manager)
}

// Hint says what to do about it.
func (e *NotBackError) Hint() string {
	return "put it right and repeat it, or accept what is there now with `slipway adopt --env " + e.Environment + " --current`"
}

// Left is an object that a release set out to change and did not, since somebody else
// had changed it. It stays as they made it.
type Left struct {
	ID      string   `json:"id"`
	Service string   `json:"service,omitempty"`
	By      string   `json:"by"`
	Fields  []string `json:"fields"`
}

func (l Left) String() string {
	if len(l.Fields) == 0 {
		return l.ID + ", which " + l.By + " made"
	}
	return fmt.Sprintf("%s, which %s changed at %s", l.ID, l.By, Places(l.Fields))
}

// left reports whether a change was never made, and somebody else changed the object
// instead: then there is nothing of ours to take back.
func (r *run) left(c Change, live *kube.Object) bool {
	if !kube.ChangedByOthersAlone(live, c.Before) {
		return false
	}
	if fields := drift(live, c.Before, r.scaledByOthers(live)); len(fields) > 0 {
		r.result.Left = append(r.result.Left, Left{ID: kube.ID(c.Object), Service: c.Service, By: kube.Editor(live, c.Before), Fields: fields})
	}
	return true
}

// Places are where fields are, a few of them.
func Places(paths []string) string {
	const most = 3
	text := strings.Join(paths[:min(most, len(paths))], " and ")
	if more := len(paths) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// unedited fails where somebody else changed an object since it was as expected.
// What others write beside what slipway applies and pods are made from is no change,
// nor is a restart; a Deployment that was paused would not roll. Our own write, of which only the answer was lost, is nobody's edit.
func (r *run) unedited(obj, live, expected *kube.Object) error {
	if expected == nil || live == nil {
		return nil
	}
	if paused(live) && !paused(expected) {
		return pausedError(live, false)
	}
	fields := drift(live, expected, r.scaledByOthers(live))
	if len(fields) == 0 || kube.Applied(obj, live) && !kube.Applied(obj, expected) {
		return nil
	}
	who := kube.Editor(live, expected)
	if who == "" {
		return nil
	}
	return &EditedError{Object: kube.ID(obj), Manager: who, Fields: fields}
}

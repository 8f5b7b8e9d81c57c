package kube

import (
	"fmt"
	"slices"
	"strings"
)

// Hook is an object of the manifests that another tool runs at a moment of its own,
// or does not apply at all. Applied like the others, a Job that cleans up before an
// uninstall would clean up in the middle of a release.
type Hook struct {
	Object string // Kind/namespace/name
	From   string // file and document
	Mark   string // annotation and its value, such as helm.sh/hook: pre-delete
}

func (h Hook) String() string { return h.Object + " (" + h.Mark + ")" }

// hookMarks are the annotations that mean: do not apply this as it is.
var hookMarks = []struct {
	name  string
	means func(value string) bool
}{
	{"helm.sh/hook", always},
	{"argocd.argoproj.io/hook", always},
	{"kustomize.toolkit.fluxcd.io/reconcile", one("disabled")},
	{"kustomize.toolkit.fluxcd.io/ssa", one("ignore", "ifnotpresent")},
	{"kapp.k14s.io/noop", always},
	{"kapp.k14s.io/exists", always},
	{"config.kubernetes.io/local-config", func(value string) bool { return !one("false")(value) }},
	{"configmanagement.gke.io/managed", one("disabled")},
}

func always(string) bool { return true }

func one(of ...string) func(string) bool {
	return func(value string) bool { return slices.Contains(of, strings.ToLower(strings.TrimSpace(value))) }
}

// hookOf is the mark of a hook, "" for what is none.
func hookOf(obj *Object) string {
	annotations := annotationsOf(obj)
	for _, mark := range hookMarks {
		if value, there := annotations[mark.name]; there && mark.means(fmt.Sprint(value)) {
			return mark.name + ": " + briefly(fmt.Sprint(value))
		}
	}
	return ""
}

// annotationsOf reads them as they are: the client's own way to read them returns
// none at all where a single one is no text.
func annotationsOf(obj *Object) map[string]any {
	meta, _ := obj.Object["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	return annotations
}

// briefly is a value that somebody wrote, for one line of a message.
func briefly(value string) string {
	const most = 60
	if runes := []rune(value); len(runes) > most {
		value = string(runes[:most]) + "…"
	}
	return strings.Trim(fmt.Sprintf("%q", value), `"`)
}

// withoutHooks leaves out the hooks, and tells of each; where nobody is to be told,
// they are an error.
func withoutHooks(objects []located, told func(Hook)) ([]located, error) {
	var hooks []Hook
	rest := objects[:0:0]
	for _, l := range objects {
		if mark := hookOf(l.obj); mark != "" {
			hooks = append(hooks, Hook{Object: ID(l.obj), From: l.from, Mark: mark})
			continue
		}
		rest = append(rest, l)
	}
	if len(hooks) > 0 && told == nil {
		return nil, &HooksError{Hooks: hooks}
	}
	for _, h := range hooks {
		told(h)
	}
	return rest, nil
}

// HooksError says that hooks of other tools are among the manifests.
type HooksError struct{ Hooks []Hook }

func (e *HooksError) Error() string {
	const most = 5
	var lines []string
	for _, h := range e.Hooks[:min(len(e.Hooks), most)] {
		lines = append(lines, h.From+": "+h.Object+" is marked "+h.Mark)
	}
	text := "read manifests: not to be applied as it is: " + strings.Join(lines, "; ")
	if n := len(e.Hooks) - most; n > 0 {
		text += fmt.Sprintf("; and %d more", n)
	}
	return text
}

// Usage marks that nothing was begun.
func (e *HooksError) Usage() bool { return true }

// Hint says what to do about it.
func (e *HooksError) Hint() string {
	return "leave all of these out with `hooks: exclude` under `manifests:` in slipway.yaml, or take the annotation off what is to be applied in each release; " +
		"what must run before or after a service goes into its `hooks:`, and migrations into `database:`"
}

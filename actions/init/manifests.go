package scaffold

import (
	"path"
	"slices"
	"strings"
)

// manifests is where the Kubernetes objects come from; none of it may be known.
type manifests struct {
	kustomize, command string
	files              []string
	namespace          string // that they are written for
	hashed             bool   // there are ConfigMaps, and nothing gives them a name of their own by their content
}

// readManifests also finds the environments, which are the overlays.
func readManifests(f files, o objects) (manifests, []environment) {
	if len(o.kustomize) > 0 {
		return fromKustomize(o)
	}
	if len(o.charts) > 0 {
		return manifests{command: "helm template " + o.charts[0]}, nil
	}
	m := manifests{hashed: o.configMap, namespace: o.namespace()}
	for _, name := range o.files {
		pattern := path.Join(path.Dir(name), "*"+path.Ext(name))
		// A folder may hold other YAML as well, which must not be applied.
		if others := f.match(pattern); !slices.ContainsFunc(others, func(other string) bool { return !slices.Contains(o.files, other) }) {
			name = pattern
		}
		if !slices.Contains(m.files, name) {
			m.files = append(m.files, name)
		}
	}
	return m, nil
}

func fromKustomize(o objects) (m manifests, environments []environment) {
	m.hashed = o.configMap
	for _, k := range o.kustomize {
		if base(k.dir) == "base" || m.kustomize == "" && !isOverlay(k.dir) {
			m.kustomize, m.namespace = k.dir, first(k.namespace, o.namespace())
		}
	}
	for _, k := range o.kustomize {
		if !isOverlay(k.dir) && (m.kustomize == "" || base(m.kustomize) != "base" || path.Dir(k.dir) != path.Dir(m.kustomize) || k.dir == m.kustomize) {
			continue
		}
		e := environment{name: label(base(k.dir)), namespace: k.namespace, overlay: k.dir}
		if len(e.name) > 40 || slices.ContainsFunc(environments, func(other environment) bool { return other.name == e.name }) {
			continue
		}
		if e.namespace == "" || label(e.namespace) != e.namespace {
			e.namespace, e.namespaceGuess = e.name, "its kustomization names no namespace"
		}
		environments = append(environments, e)
	}
	return m, environments
}

// isOverlay goes by the folder that the overlays of everybody lie in.
func isOverlay(dir string) bool {
	parent := path.Base(path.Dir(dir))
	return strings.HasPrefix(parent, "overlay") || strings.HasPrefix(parent, "env")
}

package platform

import (
	"path"
	"slices"
	"strings"
)

// Affected returns the packages that changed files can reach: those that own
// one, and all that need these, near or far. Names are sorted. What belongs to
// no package, such as the lockfile or a file at the root, can reach all, and so
// can what the root needs: its tools and its configuration read it, and Node.js
// finds it from any folder. The reason says which it was.
func (w *Workspace) Affected(changed []string) (names []string, all bool, reason string) {
	reached := map[string]bool{}
	for _, file := range changed {
		owner, ok := w.Owner(file)
		if !ok {
			return w.names(), true, path.Clean(file) + " belongs to no package, so it can reach all of them"
		}
		reached[owner.Name] = true
	}
	// Needs may form a cycle, through devDependencies, so go on until nothing is new.
	for grown := true; grown; {
		grown = false
		for _, p := range w.Packages {
			if !reached[p.Name] && slices.ContainsFunc(p.Needs, func(need string) bool { return reached[need] }) {
				reached[p.Name], grown = true, true
			}
		}
	}
	names = sortedKeys(reached)
	if len(names) > 0 && w.Unknown != "" {
		return w.names(), true, w.Unknown
	}
	for _, name := range names {
		if slices.Contains(w.Shared, name) {
			return w.names(), true, "the root needs " + name + ", so it can reach all packages"
		}
	}
	return names, false, ""
}

// Folders returns the folders of packages, relative to the root, in the order of their names.
func (w *Workspace) Folders(names []string) []string {
	var dirs []string
	for _, name := range names {
		for _, p := range w.Packages {
			if p.Name == name {
				dirs = append(dirs, p.Dir)
			}
		}
	}
	return dirs
}

// Owner returns the package whose folder holds the file, the innermost one.
func (w *Workspace) Owner(file string) (owner Package, ok bool) {
	file = path.Clean(strings.ReplaceAll(file, `\`, "/"))
	for _, p := range w.Packages {
		if strings.HasPrefix(file, p.Dir+"/") && len(p.Dir) > len(owner.Dir) {
			owner, ok = p, true
		}
	}
	return owner, ok
}

// At returns the package in that folder, relative to the root.
func (w *Workspace) At(dir string) (Package, bool) {
	for _, p := range w.Packages {
		if p.Dir == path.Clean(dir) {
			return p, true
		}
	}
	return Package{}, false
}

// Closure returns the package of that name and all that it needs, near or far,
// or that the root needs, sorted by folder: the sources that its image is made
// from. Where it is not known what packages need, it is all of them.
func (w *Workspace) Closure(name string) []Package {
	if w.Unknown != "" {
		return w.Packages
	}
	reached := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		for _, p := range w.Packages {
			if p.Name == name && !reached[name] {
				reached[name] = true
				for _, need := range p.Needs {
					visit(need)
				}
			}
		}
	}
	visit(name)
	for _, shared := range w.Shared {
		visit(shared)
	}
	var packages []Package
	for _, p := range w.Packages {
		if reached[p.Name] {
			packages = append(packages, p)
		}
	}
	return packages
}

func (w *Workspace) names() []string {
	names := make([]string, len(w.Packages))
	for i, p := range w.Packages {
		names[i] = p.Name
	}
	slices.Sort(names)
	return names
}

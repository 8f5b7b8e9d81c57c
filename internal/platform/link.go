package platform

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// link fills in what the packages need of each other: what their lockfile says
// is in their node_modules, and what each package.json asks for beside that.
// A lockfile that does not say it leaves a reason in Unknown.
func (w *Workspace) link(root string, manifests []manifest) {
	settings, _ := readPnpmWorkspace(root) // readPackages has read it
	l, err := readLinks(root, w.Lockfile)
	if err != nil {
		l = &links{}
	}
	w.copies(l, manifests[0], settings)
	if len(w.Packages) == 1 && w.Packages[0].Dir == "." {
		return
	}
	if err == nil {
		err = w.known(root, l)
	}
	if err != nil {
		w.Unknown = err.Error() + ", so each package may need all others"
	}
	names := map[string]string{}
	for _, p := range w.Packages {
		names[p.Name] = p.Dir
		if l.folders == nil { // of Yarn 1, which links its own packages wherever they are asked for
			l.add(outside+p.Name, p.Dir)
		}
	}
	overrides := pathOverrides(manifests[0], settings.Overrides)
	for name, at := range overrides {
		l.add(outside+name, at)
	}
	l.declared(".", manifests[0], names, overrides)
	for i, m := range manifests[1:] {
		l.declared(w.Packages[i].Dir, m, names, overrides)
	}
	w.linkOthers(root, l, names, overrides)
	w.crossings(root, l, names)
	for i, p := range w.Packages {
		w.Packages[i].Needs = slices.DeleteFunc(l.reached(p.Dir, w.holder), func(name string) bool { return name == p.Name })
	}
	w.Shared = l.reached(".", w.holder)
}

// copies fills in what an installation has to have: what the lockfile says
// that it copies, and the patches that it applies.
func (w *Workspace) copies(l *links, top manifest, settings pnpmWorkspace) {
	copied := slices.Clone(l.copied)
	for _, patches := range []map[string]string{top.Pnpm.Patched, settings.Patched} {
		for _, file := range patches {
			copied = append(copied, path.Clean(file))
		}
	}
	w.Copied = slices.Compact(slices.Sorted(slices.Values(copied)))
}

// known holds the lockfile against the packages: one that it does not know was
// added since, or is installed in another way.
func (w *Workspace) known(root string, l *links) error {
	if l.folders == nil {
		return nil
	}
	for _, p := range w.Packages {
		if !slices.Contains(l.folders, p.Dir) {
			return fmt.Errorf("%s says nothing of %s", w.Lockfile, p.Dir)
		}
	}
	for _, folder := range l.folders {
		if _, ours := w.At(folder); ours || folder == "." {
			continue
		}
		// npm lists what is linked from elsewhere among the packages.
		if w.Manager != "npm" && isFile(filepath.Join(root, filepath.FromSlash(folder), "package.json")) {
			return fmt.Errorf("%s has %s, which is no package of the workspace", w.Lockfile, folder)
		}
		for _, name := range []string{"package.yaml", "package.json5"} {
			if isFile(filepath.Join(root, filepath.FromSlash(folder), name)) {
				return fmt.Errorf("%s is not read here", path.Join(folder, name))
			}
		}
	}
	return nil
}

// linkOthers follows links to folders that are no package of the workspace:
// what these need is in no lockfile.
func (w *Workspace) linkOthers(root string, l *links, names, overrides map[string]string) {
	seen := map[string]bool{".": true}
	for _, p := range w.Packages {
		seen[p.Dir] = true
	}
	for grown := true; grown; {
		grown = false
		for _, targets := range l.edges {
			for _, dir := range targets {
				if seen[dir] || strings.HasPrefix(dir, outside) || !filepath.IsLocal(filepath.FromSlash(dir)) {
					continue
				}
				seen[dir], grown = true, true
				if info, err := os.Stat(filepath.Join(root, filepath.FromSlash(dir))); err != nil || !info.IsDir() {
					continue // an archive
				}
				if m, err := readManifest(root, dir); err == nil {
					l.declared(dir, m, names, overrides)
				}
			}
		}
	}
}

// holder is the package that a folder is as a whole, or lies in; "" for none.
func (w *Workspace) holder(folder string) (name string, whole bool) {
	if p, ok := w.At(folder); ok && folder != "." {
		return p.Name, true
	}
	p, _ := w.Owner(path.Join(folder, "package.json"))
	return p.Name, false
}

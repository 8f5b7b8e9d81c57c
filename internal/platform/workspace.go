package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Workspace is the packages of a repository and what they need of each other.
type Workspace struct {
	Manager  string    // pnpm, npm or yarn
	Lockfile string    // relative to the root, "" if there is none
	Packages []Package // by folder; without workspaces, the root alone as "."
	Scripts  map[string]string
}

// Package is one package of a workspace.
type Package struct {
	Name    string            // "./" and the folder, where package.json gives none
	Dir     string            // relative to the root, with forward slashes
	Scripts map[string]string // of package.json
	Needs   []string          // names of packages of this workspace, whatever kind of dependency
}

// lockfiles by the manager that writes them; the first that exists counts.
var lockfiles = []struct{ manager, name string }{
	{"pnpm", "pnpm-lock.yaml"}, {"yarn", "yarn.lock"}, {"npm", "package-lock.json"}, {"npm", "npm-shrinkwrap.json"},
}

// manifest is what of a package.json matters here.
type manifest struct {
	Name                 string            `json:"name"`
	PackageManager       string            `json:"packageManager"`
	Scripts              map[string]string `json:"scripts"`
	Workspaces           json.RawMessage   `json:"workspaces"`
	Dependencies         map[string]string `json:"dependencies"`
	DevDependencies      map[string]string `json:"devDependencies"`
	OptionalDependencies map[string]string `json:"optionalDependencies"`
	PeerDependencies     map[string]string `json:"peerDependencies"`
}

// ReadWorkspace reads the packages below root, of pnpm, npm or yarn. A folder
// without package.json is an error that matches fs.ErrNotExist.
func ReadWorkspace(root string) (*Workspace, error) {
	top, err := readManifest(root, ".")
	if err != nil {
		return nil, err
	}
	w := &Workspace{Scripts: top.Scripts}
	w.Manager, w.Lockfile = manager(root, top)
	patterns, err := workspacePatterns(root, top)
	if err != nil {
		return nil, err
	}
	dirs := []string{"."}
	if patterns != nil {
		if dirs, err = packageDirs(root, patterns); err != nil {
			return nil, fmt.Errorf("read workspace: %w", err)
		}
	}
	manifests := make([]manifest, len(dirs))
	for i, dir := range dirs {
		if manifests[i], err = readManifest(root, dir); err != nil {
			return nil, err
		}
	}
	return w, w.link(dirs, manifests)
}

// link fills in the packages; only when all are known is it known which
// dependencies stay inside the workspace.
func (w *Workspace) link(dirs []string, manifests []manifest) error {
	names := map[string]string{}
	for i, m := range manifests {
		name := or(m.Name, "./"+dirs[i])
		if other, twice := names[name]; twice {
			return &UsageError{Message: fmt.Sprintf("two packages are called %s: %s and %s", name, other, dirs[i]), Advice: "rename one in its package.json"}
		}
		names[name] = dirs[i]
		w.Packages = append(w.Packages, Package{Name: name, Dir: dirs[i], Scripts: m.Scripts})
	}
	for i, m := range manifests {
		for _, dependencies := range []map[string]string{m.Dependencies, m.DevDependencies, m.OptionalDependencies, m.PeerDependencies} {
			for _, name := range sortedKeys(dependencies) {
				name = target(name, dependencies[name])
				if _, ours := names[name]; ours && name != w.Packages[i].Name && !slices.Contains(w.Packages[i].Needs, name) {
					w.Packages[i].Needs = append(w.Packages[i].Needs, name)
				}
			}
		}
		slices.Sort(w.Packages[i].Needs)
	}
	return nil
}

// target is the package meant by a dependency: workspace:other@* names another
// than its key. Everything else counts by its key, whether the manager links
// it or fetches it, since too many edges only cost time.
func target(name, version string) string {
	if alias, ok := strings.CutPrefix(version, "workspace:"); ok {
		if at := strings.LastIndex(alias, "@"); at > 0 {
			return alias[:at]
		}
	}
	return name
}

func readManifest(root, dir string) (m manifest, err error) {
	name := path.Join(dir, "package.json")
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return m, fmt.Errorf("read workspace: %w", err)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, &UsageError{Message: "read " + name + ": " + err.Error(), Advice: "correct it; `npm pkg get name` in its folder shows the place"}
	}
	return m, nil
}

func manager(root string, top manifest) (name, lockfile string) {
	for _, l := range lockfiles {
		if isFile(filepath.Join(root, l.name)) {
			return l.manager, l.name
		}
	}
	name, _, _ = strings.Cut(top.PackageManager, "@")
	return or(name, "npm"), ""
}

// workspacePatterns returns nil for a repository that is one package.
func workspacePatterns(root string, top manifest) ([]string, error) {
	const file = "pnpm-workspace.yaml"
	data, err := os.ReadFile(filepath.Join(root, file))
	if err == nil {
		var workspace struct {
			Packages []string `yaml:"packages"`
		}
		if err := yaml.Unmarshal(data, &workspace); err != nil {
			return nil, &UsageError{Message: "read " + file + ": " + err.Error(), Advice: "correct it; `pnpm ls` shows the place"}
		}
		return workspace.Packages, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read workspace: %w", err)
	}
	if len(top.Workspaces) == 0 {
		return nil, nil
	}
	var patterns []string
	if json.Unmarshal(top.Workspaces, &patterns) == nil {
		return patterns, nil
	}
	var nested struct { // of old yarn
		Packages []string `json:"packages"`
	}
	if err := json.Unmarshal(top.Workspaces, &nested); err != nil {
		return nil, &UsageError{Message: "read package.json: workspaces is no list of patterns", Advice: `for example "workspaces": ["packages/*"]`}
	}
	return nested.Packages, nil
}

package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Workspace is the packages of a repository and what they need of each other.
type Workspace struct {
	Manager  string    // pnpm, npm or yarn
	Lockfile string    // relative to the root, "" if there is none
	Packages []Package // by folder; without workspaces, the root alone as "."
	Scripts  map[string]string
	Shared   []string // names of packages that the root itself needs, and so all can
	Copied   []string // folders and archives that an installation copies, relative to the root
	Unknown  string   // why it is not known what packages need, "" if it is: then each may need all
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

	Overrides   map[string]json.RawMessage `json:"overrides"`   // of npm
	Resolutions map[string]json.RawMessage `json:"resolutions"` // of Yarn
	Pnpm        struct {
		Overrides map[string]json.RawMessage `json:"overrides"`
		Patched   map[string]string          `json:"patchedDependencies"`
	} `json:"pnpm"`
}

// pnpmWorkspace is what of a pnpm-workspace.yaml matters here.
type pnpmWorkspace struct {
	Packages  []string          `yaml:"packages"`
	Overrides map[string]string `yaml:"overrides"`
	Patched   map[string]string `yaml:"patchedDependencies"`
}

// ReadWorkspace reads the packages below root, of pnpm, npm or yarn, and what
// they need of each other. A folder without package.json is an error that
// matches fs.ErrNotExist.
func ReadWorkspace(root string) (*Workspace, error) {
	w, manifests, err := readPackages(root)
	if err != nil {
		return nil, err
	}
	w.link(root, manifests)
	return w, nil
}

// ReadPackages is ReadWorkspace without what they need: it reads no lockfile.
func ReadPackages(root string) (*Workspace, error) {
	w, _, err := readPackages(root)
	return w, err
}

// readPackages returns the package.json of the root as well, and then those of
// the packages in their order.
func readPackages(root string) (*Workspace, []manifest, error) {
	top, err := readManifest(root, ".")
	if err != nil {
		return nil, nil, err
	}
	w := &Workspace{Scripts: top.Scripts}
	w.Manager, w.Lockfile = manager(root, top)
	patterns, err := workspacePatterns(root, top)
	if err != nil {
		return nil, nil, err
	}
	dirs := []string{"."}
	if patterns != nil {
		if dirs, err = packageDirs(root, patterns, w.Manager); err != nil {
			return nil, nil, fmt.Errorf("read workspace: %w", err)
		}
	}
	manifests := []manifest{top}
	names := map[string]string{}
	for _, dir := range dirs {
		m, err := readManifest(root, dir)
		if err != nil {
			return nil, nil, err
		}
		name := or(m.Name, "./"+dir)
		if other, twice := names[name]; twice {
			return nil, nil, &UsageError{Message: fmt.Sprintf("two packages are called %s: %s and %s", name, other, dir), Advice: "rename one in its package.json"}
		}
		names[name] = dir
		w.Packages = append(w.Packages, Package{Name: name, Dir: dir, Scripts: m.Scripts})
		manifests = append(manifests, m)
	}
	return w, manifests, nil
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

// manager goes by packageManager, so that the lockfile of one that was left
// behind does not count, and else by the lockfile that is there.
func manager(root string, top manifest) (name, lockfile string) {
	asked, _, _ := strings.Cut(top.PackageManager, "@")
	for _, l := range lockfiles {
		if (asked == "" || asked == l.manager) && isFile(filepath.Join(root, l.name)) {
			return l.manager, l.name
		}
	}
	if asked == "" && isFile(filepath.Join(root, "pnpm-workspace.yaml")) {
		return "pnpm", ""
	}
	return or(asked, "npm"), ""
}

func readPnpmWorkspace(root string) (w pnpmWorkspace, err error) {
	const file = "pnpm-workspace.yaml"
	data, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return w, err
	}
	if err := yaml.Unmarshal(data, &w); err != nil {
		return w, &UsageError{Message: "read " + file + ": " + err.Error(), Advice: "correct it; `pnpm ls` shows the place"}
	}
	return w, nil
}

// workspacePatterns returns nil for a repository that is one package.
func workspacePatterns(root string, top manifest) ([]string, error) {
	if workspace, err := readPnpmWorkspace(root); err == nil {
		return workspace.Packages, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
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

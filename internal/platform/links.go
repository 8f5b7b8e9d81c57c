package platform

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// links is what is in the node_modules of packages, by a lockfile. A node is
// the folder of a package, relative to the root, or the lockfile's own name for
// one from elsewhere, with outside in front: what a package gets may lead back
// into the workspace, where an override says so.
type links struct {
	edges   map[string][]string
	folders []string // that the lockfile takes for packages of the workspace; nil if it does not say
	copied  []string // folders and archives that an installation copies, and so has to have
}

// outside begins the names of what comes from elsewhere: no folder begins so.
const outside = "\x00"

func (l *links) add(from string, to ...string) {
	if l.edges == nil {
		l.edges = map[string][]string{}
	}
	l.edges[from] = append(l.edges[from], to...)
}

// largestLockfile is far more than any has; a parser gets no more.
const largestLockfile = 64 << 20

// readLinks reads the lockfile of a workspace. The error is a reason for people.
func readLinks(root, lockfile string) (*links, error) {
	if lockfile == "" {
		return nil, fmt.Errorf("there is no lockfile")
	}
	name := filepath.Join(root, lockfile)
	if info, err := os.Stat(name); err != nil || info.Size() > largestLockfile {
		return nil, fmt.Errorf("%s cannot be read", lockfile)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read", lockfile)
	}
	read := map[string]func([]byte) (*links, error){
		"pnpm-lock.yaml": pnpmLinks, "yarn.lock": yarnLinks, "package-lock.json": npmLinks, "npm-shrinkwrap.json": npmLinks,
	}[lockfile]
	l, err := read(data)
	if err != nil {
		return nil, fmt.Errorf("%s %w", lockfile, err)
	}
	return l, nil
}

// declared adds what the package.json of a folder asks for: packages of the
// workspace by name, whatever version, and others by their path. Where the
// manager fetches one of them after all, an edge too many only costs time.
func (l *links) declared(dir string, m manifest, names map[string]string, overrides map[string]string) {
	for _, dependencies := range []map[string]string{m.Dependencies, m.DevDependencies, m.OptionalDependencies, m.PeerDependencies} {
		for _, name := range sortedKeys(dependencies) {
			spec := dependencies[name]
			for _, called := range []string{name, aliased(spec)} {
				if at, ours := names[called]; ours {
					l.add(dir, at)
				}
				if at, ours := overrides[called]; ours {
					l.add(dir, at)
				}
			}
			if at, ok := pathOf(spec); ok {
				l.add(dir, path.Join(dir, at))
			}
			l.add(dir, outside+name)
		}
	}
}

// aliased is the package that npm:NAME@1 or workspace:NAME@* stands for, "" for none.
func aliased(spec string) string {
	for _, prefix := range []string{"npm:", "workspace:"} {
		if alias, ok := strings.CutPrefix(spec, prefix); ok {
			if at := strings.LastIndex(alias, "@"); at > 0 {
				return alias[:at]
			}
			return alias // npm:NAME; a version is the name of nothing
		}
	}
	return ""
}

// pathOf is the folder or archive that a dependency names by its path.
func pathOf(spec string) (at string, ok bool) {
	for _, prefix := range []string{"link:", "file:", "portal:", "workspace:"} {
		if rest, cut := strings.CutPrefix(spec, prefix); cut {
			spec, ok = rest, prefix != "workspace:"
			break
		}
	}
	if ok || spec == "." || spec == ".." || strings.HasPrefix(spec, "./") || strings.HasPrefix(spec, "../") {
		return spec, !path.IsAbs(spec) && !strings.HasPrefix(spec, "~")
	}
	return "", false
}

// pathOverrides are the packages that the root replaces by folders, however
// its manager spells that.
func pathOverrides(m manifest, more map[string]string) map[string]string {
	found := map[string]string{}
	var walk func(values map[string]json.RawMessage)
	walk = func(values map[string]json.RawMessage) {
		for key, raw := range values {
			var spec string
			var nested map[string]json.RawMessage
			if json.Unmarshal(raw, &spec) == nil {
				if at, ok := pathOf(spec); ok {
					found[overridden(key)] = path.Clean(at)
				}
			} else if json.Unmarshal(raw, &nested) == nil {
				walk(nested)
			}
		}
	}
	for _, values := range []map[string]json.RawMessage{m.Overrides, m.Resolutions, m.Pnpm.Overrides} {
		walk(values)
	}
	for key, spec := range more {
		if at, ok := pathOf(spec); ok {
			found[overridden(key)] = path.Clean(at)
		}
	}
	return found
}

// overridden is the name in the key of an override: parent>name@1, **/name, @x/name.
func overridden(key string) string {
	key = key[strings.LastIndex(key, ">")+1:]
	if at := strings.LastIndex(key, "@"); at > 0 {
		key = key[:at]
	}
	parts := strings.Split(key, "/")
	if n := len(parts); n > 1 && strings.HasPrefix(parts[n-2], "@") {
		return strings.Join(parts[n-2:], "/")
	}
	return parts[len(parts)-1]
}

// reached are the packages that one folder needs, near ones only: what these
// need is their own. In between lies what comes from elsewhere, and folders
// that are no package of the workspace, or only a part of one.
func (l *links) reached(from string, holder func(folder string) (name string, whole bool)) []string {
	var found []string
	seen := map[string]bool{from: true}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, to := range l.edges[queue[0]] {
			if seen[to] {
				continue
			}
			seen[to] = true
			name, whole := "", false
			if !strings.HasPrefix(to, outside) {
				name, whole = holder(to)
			}
			if name != "" && !slices.Contains(found, name) {
				found = append(found, name)
			}
			if !whole {
				queue = append(queue, to)
			}
		}
	}
	slices.Sort(found)
	return found
}

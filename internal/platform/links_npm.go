package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
)

// npmLinks reads a package-lock.json of version 2 or 3: a tree of folders, in
// which a package finds what it needs as Node.js does.
func npmLinks(data []byte) (*links, error) {
	var lock struct {
		Version  int `json:"lockfileVersion"`
		Packages map[string]struct {
			Resolved string `json:"resolved"`
			Link     bool   `json:"link"`
			manifest
		} `json:"packages"`
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		return nil, errors.New("cannot be read: " + err.Error())
	}
	if lock.Version < 2 || lock.Version > 3 {
		return nil, fmt.Errorf("has a version that is not known here: %d", lock.Version)
	}
	l := &links{folders: []string{}}
	node := func(at string) string { // a folder of the workspace stands for itself
		if strings.HasPrefix(at, "node_modules/") || strings.Contains(at, "/node_modules/") {
			return outside + at
		}
		return path.Clean(at)
	}
	for at, p := range lock.Packages {
		from := node(at)
		if !strings.HasPrefix(from, outside) {
			l.folders = append(l.folders, from)
		}
		if p.Link {
			l.add(from, path.Clean(p.Resolved))
			continue
		}
		if file, ok := strings.CutPrefix(p.Resolved, "file:"); ok {
			l.add(from, path.Clean(file))
			l.copied = append(l.copied, path.Clean(file))
		}
		for _, dependencies := range []map[string]string{p.Dependencies, p.DevDependencies, p.OptionalDependencies, p.PeerDependencies} {
			for name := range dependencies {
				if found, ok := resolveNode(at, name, func(at string) bool { _, ok := lock.Packages[at]; return ok }); ok {
					l.add(from, outside+found)
				}
			}
		}
	}
	return l, nil
}

// resolveNode finds a package from a folder, as Node.js does: in its own
// node_modules, then in those of the folders above it.
func resolveNode(from, name string, exists func(string) bool) (string, bool) {
	for dir := from; ; dir = path.Dir(dir) {
		if dir == "." || dir == "/" {
			dir = ""
		}
		if at := path.Join(dir, "node_modules", name); path.Base(dir) != "node_modules" && exists(at) {
			return at, true
		}
		if dir == "" {
			return "", false
		}
	}
}

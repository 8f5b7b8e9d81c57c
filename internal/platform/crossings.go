package platform

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Files of one package may read those of another without any lockfile knowing
// of it: by a relative path, in an import, a tsconfig.json or a script, by a
// symbolic link, or by a name that is found because a manager put it at the
// root. Each is an edge. One too many, of a path in a comment, only costs time.

var (
	upward    = regexp.MustCompile("(?:\\.\\./)+[^\\s\"'`)(<>,;:|&*{}$!]*")
	specifier = regexp.MustCompile(`\b(?:from|import|require|resolve)\b\s*\(?\s*["']([^"'\n]+)["']`)
	readable  = regexp.MustCompile(`^(Makefile|Dockerfile.*|[^.]*|\.[a-z]+rc|.*\.(py|rb|php|go|mod|work|rs|java|kts?|gradle|cs|csproj|props|targets|txt|cfg|ini|hbs|ejs|njk|pug|[cm]?[jt]sx?|json[5c]?|vue|svelte|astro|css|scss|sass|less|html|mdx|ya?ml|toml|sh|sql|prisma|graphql|gql|proto))$`)
	rootTool  = regexp.MustCompile(`\.[cm]?[jt]s$`)
)

// generated folders hold no sources, whatever git knows of them.
var generated = []string{"node_modules", ".git", "dist", "coverage", ".next", ".turbo", ".nx", ".cache", ".output"}

// largestSource is more than people write into one file.
const largestSource = 1 << 20

// crossings adds to the links what the files of packages say themselves.
func (w *Workspace) crossings(root string, l *links, names map[string]string) {
	c := crossing{w: w, root: root, l: l, names: names, seen: map[string]bool{}}
	c.aliased(".")
	for _, p := range w.Packages {
		c.aliased(p.Dir)
	}
	for _, p := range w.Packages {
		c.folder(p)
		c.tasks(p.Dir)
	}
	c.tasks(".")
	// The tools at the root that import a package, such as a linter's configuration,
	// read it for all of them.
	entries, _ := os.ReadDir(root)
	for _, entry := range entries {
		if !entry.IsDir() && rootTool.MatchString(entry.Name()) {
			c.imports(".", entry.Name(), c.read(entry.Name()))
		}
	}
}

type crossing struct {
	w     *Workspace
	root  string
	l     *links
	names map[string]string
	seen  map[string]bool // files outside of packages

	aliases []alias
}

func (c *crossing) folder(p Package) {
	top := filepath.Join(c.root, filepath.FromSlash(p.Dir))
	_ = filepath.WalkDir(top, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what cannot be read says nothing
		}
		rel, err := filepath.Rel(c.root, name)
		if err != nil {
			return nil //nolint:nilerr // it lies below the root
		}
		file := filepath.ToSlash(rel)
		switch {
		case entry.IsDir():
			_, other := c.w.At(file)
			if name != top && (other || slices.Contains(generated, entry.Name())) {
				return filepath.SkipDir
			}
		case entry.Type()&fs.ModeSymlink != 0:
			if target, err := os.Readlink(name); err == nil && !filepath.IsAbs(target) {
				c.leads(p.Dir, path.Join(path.Dir(file), filepath.ToSlash(target)))
			}
		case entry.Type().IsRegular() && readable.MatchString(entry.Name()):
			c.file(p.Dir, file)
		}
		return nil
	})
}

// file adds where one file leads, for a package that it belongs to, or that
// reads it.
func (c *crossing) file(from, file string) {
	text := c.read(file)
	for _, found := range upward.FindAllString(text, -1) {
		c.leads(from, path.Join(path.Dir(file), found))
	}
	c.imports(from, file, text)
}

func (c *crossing) imports(from, file, text string) {
	for _, found := range specifier.FindAllStringSubmatch(text, -1) {
		name := found[1]
		if strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../") {
			c.leads(from, path.Join(path.Dir(file), name))
			continue
		}
		c.byAlias(from, name)
		parts := strings.SplitN(name, "/", 3)
		name = parts[0]
		if strings.HasPrefix(name, "@") && len(parts) > 1 {
			name += "/" + parts[1]
		}
		if at, ours := c.names[name]; ours {
			c.l.add(from, at)
		}
	}
}

// leads adds where a path leads: to a package, to all below a folder that holds
// some, or to a file of none, which may lead further.
func (c *crossing) leads(from, to string) {
	if to == "." || !filepath.IsLocal(filepath.FromSlash(to)) {
		return // the root as a whole says nothing
	}
	if name, _ := c.w.holder(to); name != "" {
		c.l.add(from, to)
		return
	}
	for _, p := range c.w.Packages {
		if strings.HasPrefix(p.Dir, to+"/") {
			c.l.add(from, p.Dir)
		}
	}
	for _, ending := range []string{"", ".ts", ".js", ".mjs", ".cjs"} {
		if file := to + ending; isFile(filepath.Join(c.root, filepath.FromSlash(file))) {
			c.l.add(from, file)
			if !c.seen[file] {
				c.seen[file] = true
				c.file(file, file)
			}
			return
		}
	}
}

func (c *crossing) read(file string) string {
	name := filepath.Join(c.root, filepath.FromSlash(file))
	// A pipe or a device, which a link may lead to, ends never.
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() || info.Size() > largestSource {
		return ""
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	return string(data)
}

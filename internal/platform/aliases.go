package platform

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// TypeScript finds a package by another name than its own where a tsconfig.json
// says so under paths, or below its baseUrl.

var (
	compilerConfig = regexp.MustCompile(`^[jt]sconfig.*\.json$`)
	baseURL        = regexp.MustCompile(`"baseUrl"\s*:\s*"([^"\n]+)"`)
	pathsIn        = regexp.MustCompile(`"paths"\s*:\s*\{([^{}]*)\}`)
	pathIn         = regexp.MustCompile(`"([^"\n]+)"\s*:\s*\[([^\]]*)\]`)
)

// alias is a name with at most one *, and the path that stands for it.
type alias struct {
	scope    string // folder whose files it is for; "." is all
	name, to string
}

// aliased adds what the configurations in a folder say.
func (c *crossing) aliased(dir string) {
	entries, _ := os.ReadDir(filepath.Join(c.root, filepath.FromSlash(dir)))
	for _, entry := range entries {
		if !compilerConfig.MatchString(entry.Name()) {
			continue
		}
		text, base := c.read(path.Join(dir, entry.Name())), dir
		if found := baseURL.FindStringSubmatch(text); found != nil {
			base = path.Join(dir, found[1])
			c.aliases = append(c.aliases, alias{dir, "*", path.Join(base, "*")})
		}
		for _, paths := range pathsIn.FindAllStringSubmatch(text, -1) {
			for _, one := range pathIn.FindAllStringSubmatch(paths[1], -1) {
				for _, to := range quotedWords.FindAllStringSubmatch(one[2], -1) {
					c.aliases = append(c.aliases, alias{dir, one[1], path.Join(base, to[1])})
				}
			}
		}
	}
}

// byAlias adds where a name leads that is imported.
func (c *crossing) byAlias(from, name string) {
	for _, a := range c.aliases {
		before, after, star := strings.Cut(a.name, "*")
		switch {
		case a.scope != "." && a.scope != from:
		case !star && name == a.name:
			c.leads(from, a.to)
		case star && len(name) >= len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after):
			c.leads(from, path.Clean(strings.Replace(a.to, "*", name[len(before):len(name)-len(after)], 1)))
		}
	}
}

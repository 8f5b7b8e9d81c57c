package platform

import (
	"path"
	"regexp"
	"strings"
)

// Turborepo and Nx know dependencies that neither a lockfile nor a source has:
// a task that waits for one of another package, by its name.

var (
	waitsFor    = regexp.MustCompile(`"(?:dependsOn|with|implicitDependencies)"\s*:\s*\[([^\]]*)\]`)
	quotedWords = regexp.MustCompile(`"([^"\n]+)"`)
)

// tasks adds what turbo.json, project.json and package.json say of them. What
// the root says holds for all.
func (c *crossing) tasks(dir string) {
	for _, file := range []string{"turbo.json", "turbo.jsonc", "project.json", "package.json", "nx.json"} {
		for _, list := range waitsFor.FindAllStringSubmatch(c.read(path.Join(dir, file)), -1) {
			for _, word := range quotedWords.FindAllStringSubmatch(list[1], -1) {
				name, _, _ := strings.Cut(word[1], "#")
				if at, ours := c.names[name]; ours && (strings.Contains(word[1], "#") || file == "project.json" || file == "package.json") {
					c.l.add(dir, at)
				}
			}
		}
	}
}

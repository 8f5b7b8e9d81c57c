package platform

import (
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// packageDirs returns the folders below root with a package.json that the
// patterns of a workspace choose, sorted. A pattern with ! takes out again.
func packageDirs(root string, patterns []string, manager string) ([]string, error) {
	var dirs []string
	if manager == "pnpm" {
		// What pnpm was told to leave out stays out, wherever that stands.
		patterns = slices.Clone(patterns)
		slices.SortStableFunc(patterns, func(a, b string) int { return negated(a) - negated(b) })
	}
	hidden := slices.ContainsFunc(patterns, func(pattern string) bool {
		pattern = path.Clean(pattern)
		return strings.HasPrefix(pattern, ".") || strings.Contains(pattern, "/.")
	})
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.IsDir() || name == root {
			return nil
		}
		if base := entry.Name(); base == "node_modules" || base == ".git" || strings.HasPrefix(base, ".") && !hidden {
			return filepath.SkipDir
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if dir := filepath.ToSlash(rel); chosen(patterns, dir) && isFile(filepath.Join(name, "package.json")) {
			dirs = append(dirs, dir)
		}
		return nil
	})
	slices.Sort(dirs)
	return dirs, err
}

func negated(pattern string) int {
	if strings.HasPrefix(pattern, "!") {
		return 1
	}
	return 0
}

func chosen(patterns []string, dir string) bool {
	in := false
	for _, pattern := range patterns {
		pattern, out := strings.CutPrefix(pattern, "!")
		if Match(path.Clean(pattern), dir) {
			in = !out
		}
	}
	return in
}

// Expand returns the files below root that one of the patterns matches, with
// forward slashes, relative to root and sorted. Folders that belong to tools
// (node_modules, .git) are left out.
func Expand(root string, patterns []string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		switch base := entry.Name(); {
		case entry.IsDir() && (base == "node_modules" || base == ".git"):
			return filepath.SkipDir
		case entry.IsDir():
			return nil
		}
		file := filepath.ToSlash(rel)
		if slices.ContainsFunc(patterns, func(pattern string) bool { return Match(path.Clean(pattern), file) }) {
			files = append(files, file)
		}
		return nil
	})
	slices.Sort(files)
	return files, err
}

// Match tells whether a pattern matches a path with forward slashes: * stays
// within one folder, ** spans any number of them, {a,b} is either.
func Match(pattern, name string) bool {
	ok, err := doublestar.Match(pattern, name)
	return err == nil && ok
}

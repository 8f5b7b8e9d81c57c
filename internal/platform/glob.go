package platform

import (
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// packageDirs returns the folders below root with a package.json that the
// patterns of a workspace choose, sorted. A pattern with ! takes out again.
func packageDirs(root string, patterns []string) ([]string, error) {
	var dirs []string
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.IsDir() || name == root {
			return nil
		}
		if base := entry.Name(); base == "node_modules" || strings.HasPrefix(base, ".") {
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
// within one folder, ** spans any number of them.
func Match(pattern, name string) bool {
	return match(strings.Split(pattern, "/"), strings.Split(name, "/"))
}

func match(patterns, names []string) bool {
	// Two ** in a row say no more than one, and would be tried in every combination.
	for len(patterns) > 1 && patterns[0] == "**" && patterns[1] == "**" {
		patterns = patterns[1:]
	}
	if len(patterns) == 0 {
		return len(names) == 0
	}
	if patterns[0] == "**" {
		for i := range len(names) + 1 {
			if match(patterns[1:], names[i:]) {
				return true
			}
		}
		return false
	}
	if len(names) == 0 {
		return false
	}
	ok, err := path.Match(patterns[0], names[0])
	return err == nil && ok && match(patterns[1:], names[1:])
}

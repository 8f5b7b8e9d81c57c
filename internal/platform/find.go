package platform

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxBelow is how many folders down Find looks: testenv/platform is two.
const maxBelow = 3

// Find returns the folder of the slipway.yaml that dir belongs to: dir itself
// or the closest one above it that has the file; else the only one below.
// Where it was not dir or above, tell the user what Note says.
func Find(dir string) (root string, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if isFile(filepath.Join(at, File)) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	below, err := findBelow(dir)
	if err != nil {
		return "", err
	}
	switch len(below) {
	case 0:
		return "", &UsageError{Message: "no " + File + " in " + dir + ", above or below it", Advice: "`slipway init` writes one from what it finds; --root names another folder"}
	case 1:
		return below[0], nil
	}
	for i := range below {
		below[i], _ = filepath.Rel(dir, below[i])
	}
	return "", &UsageError{Message: "several platforms below " + dir + ": " + strings.Join(below, ", "), Advice: "choose one with --root " + below[0]}
}

// Note says that Find chose a platform below dir, and is "" when it is the
// one that dir lies in.
func Note(dir, root string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	rel, err := filepath.Rel(dir, root)
	if err != nil || rel == "." || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return ""
	}
	return "using " + filepath.Join(rel, File) + ", the only platform below this folder"
}

func findBelow(dir string) (roots []string, err error) {
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			if name == dir {
				return err
			}
			return nil // a folder that may not be read holds no platform of ours
		}
		if !entry.IsDir() {
			if entry.Name() == File && entry.Type().IsRegular() {
				roots = append(roots, filepath.Dir(name))
			}
			return nil
		}
		rel, _ := filepath.Rel(dir, name)
		if rel != "." && (skipped(entry.Name()) || strings.Count(rel, string(filepath.Separator)) >= maxBelow) {
			return filepath.SkipDir
		}
		return nil
	})
	return roots, err
}

// skipped folders hold what others wrote, or samples that tests break on purpose.
func skipped(name string) bool {
	return name == "node_modules" || name == "testdata" || strings.HasPrefix(name, ".")
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// platformCopy is the sample without what is made from it, to change or to run in.
func (b *bench) platformCopy(name string) (dir string, err error) {
	dir = filepath.Join(b.scratch, name)
	if err := copySources(dir, os.DirFS(b.root)); err != nil {
		return "", fmt.Errorf("copy %s: %w", b.root, err)
	}
	return dir, nil
}

func copySources(dir string, from fs.FS) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	to, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer to.Close()
	return fs.WalkDir(from, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || path == ".":
			return err
		case slices.Contains([]string{"node_modules", "dist", ".slipway", ".env"}, entry.Name()):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return to.Mkdir(path, 0o755)
		}
		data, err := fs.ReadFile(from, path)
		if err != nil {
			return err
		}
		return to.WriteFile(path, data, 0o644)
	})
}

// edited runs f while one line more stands in a file of dir, one that no cache
// has seen before.
func (b *bench) edited(dir, file string, f func() error) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	before, err := root.ReadFile(file)
	if err != nil {
		return err
	}
	b.edits++
	line := fmt.Sprintf("// Changed by the benchmark: %s-%d.\n", b.id, b.edits)
	if err := root.WriteFile(file, append(slices.Clip(before), line...), 0o644); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.WriteFile(file, before, 0o644)) }()
	return f()
}

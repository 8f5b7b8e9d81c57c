package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// epoch stands for all times in images, so that the same files make the same image.
var epoch = time.Unix(0, 0).UTC()

// leftOut are files that nothing reads where the image runs: pnpm notes in them
// when it ran, and the lockfiles name packages of the workspace that this image
// has nothing of, so that another service's new dependency would alter it.
var leftOut = map[string]bool{
	"pnpm-lock.yaml":                             true,
	"node_modules/.modules.yaml":                 true,
	"node_modules/.pnpm/lock.yaml":               true,
	"node_modules/.pnpm-workspace-state.json":    true,
	"node_modules/.pnpm-workspace-state-v1.json": true,
}

// packInside writes a folder as the layer of an image: in order of names,
// without times, owned by root, and readable by whoever runs it.
func packInside(dir, prefix, file string) (err error) {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	compressed := gzip.NewWriter(out)
	w := tar.NewWriter(compressed)
	for parent := path.Dir(prefix); parent != "." && parent != "/"; parent = path.Dir(parent) {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: parent + "/", Mode: 0o755, ModTime: epoch}); err != nil {
			return err
		}
	}
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil || leftOut[filepath.ToSlash(rel)] {
			return err
		}
		return pack(w, name, path.Join(prefix, filepath.ToSlash(rel)), entry)
	})
	return errors.Join(err, w.Close(), compressed.Close())
}

func pack(w *tar.Writer, name, as string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	h := &tar.Header{Name: as, ModTime: epoch, Mode: 0o644, Format: tar.FormatPAX}
	switch {
	case info.IsDir():
		h.Typeflag, h.Name, h.Mode = tar.TypeDir, as+"/", 0o755
	case info.Mode()&fs.ModeSymlink != 0:
		h.Typeflag, h.Mode = tar.TypeSymlink, 0o777
		if h.Linkname, err = linkInside(name, as); err != nil {
			return err
		}
	case info.Mode().IsRegular():
		h.Typeflag, h.Size = tar.TypeReg, info.Size()
		if info.Mode()&0o111 != 0 {
			h.Mode = 0o755
		}
	default:
		return nil // sockets and devices have no place in an image
	}
	if err := w.WriteHeader(h); err != nil || h.Typeflag != tar.TypeReg {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// What is said of a link to the workspace, which is in no image.
const (
	leadsOut       = "is in the workspace, and not in the image"
	leadsOutAdvice = "set injectWorkspacePackages: true in pnpm-workspace.yaml and run `pnpm install`: then pnpm copies what is linked"
)

// linkInside reads a symbolic link. One to a package of the workspace would
// lead to nothing where the image runs.
func linkInside(name, as string) (target string, err error) {
	if target, err = os.Readlink(name); err != nil {
		return "", err
	}
	full := target
	if !filepath.IsAbs(full) {
		full = filepath.Join(filepath.Dir(name), full)
	}
	if full == workdir || strings.HasPrefix(full, workdir+"/") {
		return "", fmt.Errorf("/%s leads to %s, which %s", as, full, leadsOut)
	}
	return target, nil
}

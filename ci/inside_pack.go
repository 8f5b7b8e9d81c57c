package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
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
		if h.Linkname, err = os.Readlink(name); err != nil {
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

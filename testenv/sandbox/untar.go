package sandbox

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
)

// untar calls f for each regular file of a gzipped tar archive.
func untar(r io.Reader, f func(*tar.Header, io.Reader) error) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	t := tar.NewReader(z)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := f(h, t); err != nil {
			return err
		}
	}
}

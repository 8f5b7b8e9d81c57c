package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestPackKeepsNothingOfWhenAndWho(t *testing.T) {
	var packed [2][]byte
	for i := range packed {
		dir := t.TempDir()
		names := []string{"dist/main.js", "node_modules/a/index.js", "node_modules/.modules.yaml", "pnpm-lock.yaml"}
		if i == 1 {
			slices.Reverse(names)
		}
		for _, name := range names {
			text := name
			if leftOut[name] {
				text = time.Now().String()
			}
			write(t, dir, name, text)
			if err := os.Chtimes(filepath.Join(dir, name), time.Now(), time.Unix(int64(i)*1000, 0)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(filepath.Join(dir, "dist/main.js"), []os.FileMode{0o600, 0o640}[i]); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("../a", filepath.Join(dir, "node_modules/b")); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "layer.tgz")
		if err := packInside(dir, "app", file); err != nil {
			t.Fatal(err)
		}
		var err error
		if packed[i], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(packed[0], packed[1]) {
		t.Error("the same files made two layers")
	}
	want := []string{"app/", "app/dist/", "app/dist/main.js", "app/node_modules/", "app/node_modules/a/", "app/node_modules/a/index.js", "app/node_modules/b"}
	if got := namesIn(t, packed[0]); !slices.Equal(got, want) {
		t.Errorf("the layer has %q, want %q", got, want)
	}
}

func namesIn(t *testing.T, packed []byte) (names []string) {
	t.Helper()
	plain, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(plain); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		} else if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || !h.ModTime.Equal(epoch) || h.Mode&0o444 != 0o444 {
			t.Errorf("%s: uid %d, gid %d, mode %o, %s", h.Name, h.Uid, h.Gid, h.Mode, h.ModTime)
		}
		names = append(names, h.Name)
	}
}

func TestExtractStaysInside(t *testing.T) {
	archive := filepath.Join(t.TempDir(), "evil.tar")
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range []string{"good", "../evil"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 1, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), os.WriteFile(archive, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "in")
	if err := extract(archive, dir); err == nil {
		t.Error("an archive that leaves its folder was taken")
	}
	if _, err := os.Stat(filepath.Join(dir, "..", "evil")); err == nil {
		t.Error("a file was written outside")
	}
}

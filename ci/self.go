package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"dagger.io/dagger"

	"github.com/teei/slipway/internal/platform"
)

// selfPath is where this very program lies in containers. It asks servers
// there, dumps databases and deploys, so that nothing is built twice.
const selfPath = selfDir + "/slipway-ci"

const selfDir = "/run/slipway/bin"

// self uploads this program. `go run` builds it under another name every time;
// a copy named after its contents is uploaded only once.
func (p *pipeline) self() (*dagger.File, error) {
	copied, err := p.selfOnce()
	if err != nil {
		return nil, err
	}
	return p.dag.Host().File(copied), nil
}

func (p *pipeline) withSelf(c *dagger.Container) (*dagger.Container, error) {
	self, err := p.self()
	if err != nil {
		return nil, err
	}
	return c.WithMountedDirectory(selfDir, p.dag.Directory().WithFile("slipway-ci", self)), nil
}

func copySelf() (string, error) {
	if runtime.GOOS != "linux" {
		return "", &platform.InfrastructureError{
			Message: "ci runs parts of itself in Linux containers, and this is " + runtime.GOOS,
			Advice:  "run it on Linux, or in a Linux virtual machine",
		}
	}
	name, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	file, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("read this program: %w", err)
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", fmt.Errorf("read this program: %w", err)
	}
	dir, err := cacheDir("bin")
	if err != nil {
		return "", err
	}
	copied := filepath.Join(dir, "ci-"+hex.EncodeToString(hash.Sum(nil))[:16])
	if _, err := os.Stat(copied); err == nil {
		return copied, nil
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	return copied, writeWhole(copied, file)
}

// cacheDir is a folder for what can be made again.
func cacheDir(name string) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	dir := filepath.Join(base, "slipway", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make cache folder: %w", err)
	}
	forget(dir, time.Now().Add(-keepFor))
	return dir, nil
}

// keepFor is how long something stays in a cache. Every build of ci leaves a
// copy there, and every suite that passed a note.
const keepFor = 7 * 24 * time.Hour

// forget removes what was made before a time. What is still wanted is made again.
func forget(dir string, before time.Time) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // a cache that cannot be read only grows
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.ModTime().Before(before) {
			_ = os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}

// writeWhole writes an executable file, all of it or nothing. One that another run
// wrote meanwhile stays: the engine, which may be reading it, refuses a file whose
// time changes.
func writeWhole(name string, from io.Reader) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	if _, err := io.Copy(tmp, from); err != nil {
		return err
	}
	if err := tmp.Chmod(0o755); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), name); err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return os.Rename(tmp.Name(), name) // of a file system without links
}

package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const cgroupRoot = "/sys/fs/cgroup"

// hierarchies are the mounted cgroup trees: one on version 2, one for each
// controller on version 1.
func hierarchies() []string {
	if _, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers")); err == nil {
		return []string{cgroupRoot}
	}
	all, _ := filepath.Glob(filepath.Join(cgroupRoot, "*"))
	return slices.DeleteFunc(all, func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, "cgroup.procs"))
		return err != nil
	})
}

// joinCgroups puts the box into a cgroup of its own, so that what it uses is
// seen in one place and what it leaves is found again.
func joinCgroups(pid int) error {
	for _, h := range hierarchies() {
		dir := filepath.Join(h, "slipway")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make cgroup: %w", err)
		}
		// A version 1 cpuset admits nobody until it says where they may run.
		for _, f := range []string{"cpuset.cpus", "cpuset.mems"} {
			if of, err := os.ReadFile(filepath.Join(h, f)); err == nil {
				_ = os.WriteFile(filepath.Join(dir, f), of, 0)
			}
		}
		if h == cgroupRoot {
			// Version 2 wants processes in leaves only, and pods beside them.
			dir = filepath.Join(dir, "box")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return fmt.Errorf("make cgroup: %w", err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
			return fmt.Errorf("join cgroup %s: %w", dir, err)
		}
	}
	return nil
}

// leftCgroups lists the groups that the sandbox made, deepest first.
func leftCgroups() []string {
	var dirs []string
	for _, h := range hierarchies() {
		for _, name := range cgroupNames {
			_ = filepath.WalkDir(filepath.Join(h, name), func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					dirs = append(dirs, path)
				}
				return nil
			})
		}
	}
	slices.SortFunc(dirs, func(a, b string) int { return strings.Count(b, "/") - strings.Count(a, "/") })
	return dirs
}

// cgroupNames are the top groups of the box, of its pods and of the engine's
// containers.
var cgroupNames = []string{"slipway", "kubepods", "buildkit"}

func removeCgroups() error {
	var errs []error
	for _, dir := range leftCgroups() {
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove cgroup: %w", err))
		}
	}
	return errors.Join(errs...)
}

package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The binary that a release publishes is the same wherever it is built: the
// checksum in the tag is held against what the workflow builds.
func TestReleaseIsReproducible(t *testing.T) {
	t.Parallel()
	var sums []string
	for range 2 {
		dir := t.TempDir()
		run(t, "..", "cp", "-R", "Makefile", "go.mod", "go.sum", "actions", "internal", dir)
		run(t, dir, "make", "release", "VERSION=v9.8.7", "ARCHS="+runtime.GOARCH)
		data, err := os.ReadFile(filepath.Join(dir, "actions", "checksums.txt"))
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, string(data))
		if out := run(t, dir, filepath.Join(dir, ".slipway", "release", "slipway-linux-"+runtime.GOARCH), "version"); !strings.HasPrefix(out, "slipway v9.8.7 ") {
			t.Errorf("it says %q", out)
		}
		if version, _ := os.ReadFile(filepath.Join(dir, "actions", "slipway.version")); string(version) != "v9.8.7\n" {
			t.Errorf("the actions are at %q", version)
		}
	}
	if sums[0] != sums[1] || !strings.HasSuffix(sums[0], "  slipway-linux-"+runtime.GOARCH+"\n") {
		t.Errorf("%s and %s", sums[0], sums[1])
	}
}

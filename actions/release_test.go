package main

import (
	"os"
	"os/exec"
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
		run(t, "..", "cp", "-R", "Makefile", "go.mod", "go.sum", "actions", "internal", "ci", dir)
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
	if sums[0] != sums[1] || !strings.Contains(sums[0], "  slipway-linux-"+runtime.GOARCH+"\n") || !strings.HasSuffix(sums[0], "  ci-linux-"+runtime.GOARCH+"\n") {
		t.Errorf("%s and %s", sums[0], sums[1])
	}
}

// A release's workflows use the actions of the commit before the tag, which has
// the version and the checksums already.
func TestPin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run(t, "..", "cp", "-R", "Makefile", ".github", dir)
	commit := func(version string) string {
		run(t, dir, "mkdir", "-p", "actions")
		if err := os.WriteFile(filepath.Join(dir, "actions", "slipway.version"), []byte(version+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, dir, "git", "add", "--all")
		run(t, dir, "git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "--no-gpg-sign", "--message="+version)
		return strings.TrimSpace(run(t, dir, "git", "rev-parse", "HEAD"))
	}
	run(t, dir, "git", "init", "--quiet", "--initial-branch=main")
	before := commit("v1.2.2")
	released := commit("v1.2.3")
	run(t, dir, "make", "pin", "VERSION=v1.2.3")
	pins := 0
	for _, file := range workflowFiles(t, filepath.Join(dir, ".github", "workflows")) {
		for _, line := range usesSlipway.FindAllString(read(t, file), -1) {
			pins++
			if !strings.HasSuffix(line, "@"+released+" # v1.2.3") {
				t.Errorf("%s: %s", filepath.Base(file), line)
			}
		}
	}
	if pins < 10 {
		t.Errorf("%d actions are pinned", pins)
	}
	if out, err := exec.CommandContext(t.Context(), "make", "-C", dir, "pin", "VERSION=v1.2.3", "COMMIT="+before).CombinedOutput(); err == nil || !strings.Contains(string(out), "are at v1.2.2, not at v1.2.3") {
		t.Errorf("a commit of another version: %v\n%s", err, out)
	}
}

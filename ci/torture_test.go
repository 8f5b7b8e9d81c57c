//go:build torture

package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
)

// All images of the sample, made twice from nothing.
func TestAllImagesTwiceFromNothing(t *testing.T) {
	root := sample(t)
	first, second := sampleDigests(t, root, "--no-cache"), sampleDigests(t, root, "--no-cache")
	if len(first) != 12 || !maps.Equal(first, second) {
		t.Errorf("%v, then %v", first, second)
	}
}

// Whichever service is broken, and however: the release of all eleven fails of
// it, and leaves what was there before. Who answers wrongly now and then, or
// late, is found by the sample's flows.
func TestAnyServiceBroken(t *testing.T) {
	c := cornerOf(t)
	folder := t.TempDir()
	release := func(stages ...string) (int, string, report.Report) {
		return launchInto(t, folder, c.env, append(stages, "--root", c.root, "--env", c.environment)...).ends(10 * time.Minute)
	}
	if code, output, _ := release("images", "migrate", "deploy"); code != exitFine {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	p, err := platform.Load(c.root)
	if err != nil {
		t.Fatal(err)
	}
	before := c.runs(t)
	for i, s := range p.Ordered() {
		manifest := filepath.Join("deploy", "base", s.Name+".yaml")
		good, err := os.ReadFile(filepath.Join(c.root, manifest))
		if err != nil {
			t.Fatal(err)
		}
		faults := map[string]string{
			"exit": s.Name + ": container", "never-ready": s.Name + ": ", "health-500": s.Name + ": ", "error-logs": s.Name + ": container",
			"errors:0.3": "flow ", "slow:800ms": "flow ",
		}
		if i == 0 { // what is healthy for a while is seen while the others are released
			faults["exit-after:6s"] = s.Name + ": container"
		}
		for fault, says := range faults {
			write(t, c.root, manifest, faulty(good, fault))
			start := time.Now()
			code, output, r := release("deploy", "--timeout", "1m")
			failed := r.Failures()
			if code != exitFailed || len(failed) != 1 || !strings.Contains(failed[0].Error, says) {
				t.Errorf("%s in %s: exit code %d, %+v\n%s", fault, s.Name, code, failed, output)
				continue
			}
			t.Logf("%s in %s, after %s: %s", fault, s.Name, time.Since(start).Round(time.Second), failed[0].Error)
			if after := c.runs(t); after != before {
				t.Errorf("%s in %s: runs %s, ran %s", fault, s.Name, after, before)
			}
		}
		write(t, c.root, manifest, string(good))
	}
}

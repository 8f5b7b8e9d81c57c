package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A check that fails prints its last lines, where all of them are, and a
// command that a shell understands, which runs just that check.
func TestFailedCheckTellsHowToRepeatIt(t *testing.T) {
	t.Parallel()
	c := tiny(t)
	root := filepath.Join(t.TempDir(), "it's here")
	if err := os.Rename(c.root, root); err != nil {
		t.Fatal(err)
	}
	replace(t, root, "slipway.yaml", `test: {run: "true"}`, "test: {run: seq 1000; exit 3}\n  lint: {run: 'true'}")
	code, output, r := launch(t, nil, "check", "--root", root).ends(2 * time.Minute)
	if code != exitFailed || statuses(r) != "test failed, lint passed" {
		t.Fatalf("exit code %d, %s\n%s", code, statuses(r), output)
	}
	told := regexp.MustCompile(`(?s)(    │ 981\n.*    │ 1000\n)    test failed with exit code 3\n    log:    ([^\n]*)\n    repeat: ([^\n]*)\n`).FindStringSubmatch(output)
	if told == nil || strings.Count(told[1], "\n") != 20 {
		t.Fatalf("told of it:\n%s", output)
	}
	if log, err := os.ReadFile(told[2]); err != nil || !strings.HasPrefix(string(log), "1\n2\n") || !strings.HasSuffix(strings.TrimSpace(string(log)), "\n1000") {
		t.Errorf("%s ends with %q, %v", told[2], log[max(0, len(log)-100):], err)
	}

	shell := exec.CommandContext(t.Context(), "sh", "-c", told[3])
	if out, err := shell.CombinedOutput(); shell.ProcessState.ExitCode() != exitFailed {
		t.Errorf("%s: %v\n%s", told[3], err, out)
	}
	folder := regexp.MustCompile(`--output (\S+)`).FindStringSubmatch(told[3])
	if folder == nil {
		t.Fatalf("%s has not every flag that was given", told[3])
	}
	if again := readReport(t, folder[1]); statuses(again) != "test failed" {
		t.Errorf("%s ran %s", told[3], statuses(again))
	}
}

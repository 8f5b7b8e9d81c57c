package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Wrong use has an exit code of its own, as with ci and slipway.
func TestWrongUse(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "testenv")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, tt := range []struct {
		args, says string
		code       int
	}{
		{"", "Available Commands", 0},
		{"nonsense", `error: unknown command "nonsense"`, 2},
		{"up --fast", "error: unknown flag: --fast", 2},
		{"status all", "error: ", 2},
		{"broken-deploy --root platform", "error: the sample has no service", 1},
	} {
		cmd := exec.CommandContext(t.Context(), program, strings.Fields(tt.args)...)
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != tt.code || !strings.Contains(string(out), tt.says) {
			t.Errorf("testenv %s: exit code %d, want %d\n%s", tt.args, got, tt.code, out)
		}
	}
}

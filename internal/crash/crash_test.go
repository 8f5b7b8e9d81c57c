package crash_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

func build(t *testing.T, flags ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "three")
	args := append(append([]string{"build", "-o", program}, flags...), "./testdata/three")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

func run(t *testing.T, program, at string) (passed, said string, killed bool) {
	t.Helper()
	list := filepath.Join(t.TempDir(), "list")
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "SLIPWAY_CRASH_AT="+at, "SLIPWAY_CRASH_LIST="+list)
	out, err := cmd.Output()
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	killed = status.Signaled() && status.Signal() == syscall.SIGKILL
	if err != nil && !killed {
		t.Fatal(err)
	}
	names, err := os.ReadFile(list)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(names), string(out), killed
}

func TestPoints(t *testing.T) {
	t.Parallel()
	program := build(t, "-tags", "crash")
	for _, tt := range []struct {
		at, passed, said string
		killed           bool
	}{
		{"", "first\nbefore write\nafter write\n", "between\n", false},
		{"1", "first\n", "", true},
		{"2", "first\nbefore write\n", "", true},
		{"3", "first\nbefore write\nafter write\n", "between\n", true},
		{"4", "first\nbefore write\nafter write\n", "between\n", false},
	} {
		if passed, said, killed := run(t, program, tt.at); passed != tt.passed || said != tt.said || killed != tt.killed {
			t.Errorf("at %q: passed %q, said %q, killed %t", tt.at, passed, said, killed)
		}
	}
}

func TestProductionHasNoPoints(t *testing.T) {
	t.Parallel()
	if passed, said, killed := run(t, build(t), "1"); passed != "" || said != "between\n" || killed {
		t.Errorf("passed %q, said %q, killed %t", passed, said, killed)
	}
}

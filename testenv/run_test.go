package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// .ci/run stops what it started, also when it fails or is stopped, and leaves
// alone a sandbox that was up before. In this test go and make only note that
// they were called.
func TestRunOfCI(t *testing.T) {
	const stopped = -1 // by a signal
	for name, run := range map[string]struct {
		up   bool
		make string // what it does
		code int
		want string
	}{
		"all passes":              {make: "true", want: "make test, make ci, make test-sandbox, go run ./testenv down"},
		"a test fails":            {make: "exit 7", code: 7, want: "make test, go run ./testenv down"},
		"the main job fails":      {make: `[ "$1" != ci ] || exit 8`, code: 8, want: "make test, make ci, go run ./testenv down"},
		"it is stopped":           {make: "kill -TERM $PPID", code: stopped, want: "make test, go run ./testenv down"},
		"it was up":               {up: true, make: "true", want: "make test, make ci"},
		"it was up, and it fails": {up: true, make: "exit 7", code: 7, want: "make test"},
	} {
		t.Run(name, func(t *testing.T) {
			code, got := runOfCI(t, run.up, run.make)
			if code != run.code || got != run.want {
				t.Errorf("exit code %d after %s\nwant %d after %s", code, got, run.code, run.want)
			}
		})
	}
}

// runOfCI runs the script with stand-ins for go and make, and says which it
// called. Not in parallel: what forks at the same moment holds them open, and
// they cannot be run.
func runOfCI(t *testing.T, up bool, does string) (code int, called string) {
	t.Helper()
	dir := t.TempDir()
	script, err := os.ReadFile("../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	note := "#!/bin/sh\necho \"$(basename \"$0\") $*\" >> " + dir + "/called\n"
	for path, text := range map[string]string{
		".ci/run":  string(script),
		"bin/make": note + does + "\n",
		"bin/go":   "#!/bin/sh\n[ \"$3\" != status ] || exit " + strconv.Itoa(map[bool]int{true: 0, false: 1}[up]) + "\n" + strings.TrimPrefix(note, "#!/bin/sh\n"),
	} {
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, ".ci/run"))
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = append(os.Environ(), "PATH="+dir+"/bin:"+os.Getenv("PATH"))
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	notes, err := os.ReadFile(filepath.Join(dir, "called"))
	if err != nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), strings.Join(strings.Split(strings.TrimSpace(string(notes)), "\n"), ", ")
}

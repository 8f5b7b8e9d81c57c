package release

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestPausedAndOvertaken stops a release between its check and its write, as a
// suspended machine does, and lets it go on when another one has taken over and
// ended. It changes nothing more, and what it then makes is gone again.
func TestPausedAndOvertaken(t *testing.T) {
	t.Parallel()
	simulate(t)
	releaser := mortal(t)
	count := newScene(t, releaser).standing("old")
	count.points()
	points := count.standing("new").points()
	var deaths []death
	for i, name := range points {
		if strings.HasPrefix(name, "before ") && (everyWay || slices.ContainsFunc([]string{
			"before make ConfigMap/*/made-by-*", "before apply ConfigMap/*/made-by-*", "before apply ConfigMap/*/" + services[0],
			"before apply Deployment/*/" + services[1], "before create ConfigMap/slipway-*/release-*", "before update ConfigMap/slipway-*/release-*",
		}, func(pattern string) bool {
			found, _ := filepath.Match(pattern, name)
			return found && !slices.ContainsFunc(deaths, sameKind(name))
		})) {
			deaths = append(deaths, death{at: i + 1, name: name, way: "run"})
		}
	}
	if len(deaths) < 6 {
		t.Fatalf("only %+v of %q", deaths, points)
	}
	inLanes(t, 3, deaths, func(t *testing.T) *scene { return newScene(t, releaser).standing("old") }, pauseAndOvertake)
}

// sameKind is for points that differ in the object's name alone.
func sameKind(name string) func(death) bool {
	return func(d death) bool {
		return filepath.Base(d.name) == filepath.Base(name) && strings.Fields(d.name)[1] == strings.Fields(name)[1]
	}
}

func pauseAndOvertake(s *scene, d death) {
	wanted, next := s.others()
	var out strings.Builder
	paused := s.command(0, wanted, "run")
	paused.Env = append(paused.Env, "SLIPWAY_STOP_AT="+strconv.Itoa(d.at))
	paused.Stdout, paused.Stderr = &out, &out
	if err := paused.Start(); err != nil {
		s.t.Fatal(err)
	}
	defer paused.Process.Kill()
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(paused.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		s.t.Fatalf("it did not stop: %v, %v\n%s", status, err, out.String())
	}
	begun := s.unfinished() != nil
	s.standing(next)
	if err := paused.Process.Signal(syscall.SIGCONT); err != nil {
		s.t.Fatal(err)
	}
	switch err := paused.Wait(); {
	case err == nil && !begun: // it found the lock free again
		s.stand = append(s.stand, wanted)
	case err == nil, !strings.Contains(out.String(), "another run"):
		s.t.Errorf("%v\n%s", err, out.String())
	}
	s.newest(s.at())
}

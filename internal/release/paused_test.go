package release

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/teei/slipway/testenv/testenv"
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

// TestPausedBeforeAHook stops a release right before it makes the Job of a hook, and
// before it wakes it: the hook of a release that was overtaken does not run.
func TestPausedBeforeAHook(t *testing.T) {
	t.Parallel()
	releaser := mortal(t)
	podded := func(t *testing.T) *scene { return newPods(t, releaser).standing("old") }
	count := podded(t)
	count.points()
	points := count.standing("new").points()
	var deaths []death
	for _, step := range []string{"before create Job/*/slipway-hook-before-*", "before wake Job/*/slipway-hook-after-*"} {
		at := slices.IndexFunc(points, func(name string) bool { found, _ := filepath.Match(step, name); return found })
		if at < 0 {
			t.Fatalf("a release does not pass %q: %q", step, points)
		}
		deaths = append(deaths, death{at: at + 1, name: step, way: "run"})
	}
	inLanes(t, 3, deaths, podded, func(s *scene, d death) {
		var before int
		s.overtake(d, func() { before = s.hooks() })
		if after := s.hooks(); after != before {
			s.t.Errorf("%d hooks had run when it was overtaken, and %d have now", before, after)
		}
		if left := testenv.Kubectl(s.t, "--namespace", s.namespace, "get", "jobs,pods", "--selector", "slipway.dev/task", "--output", "name"); left != "" {
			s.t.Errorf("left behind: %s", left)
		}
	})
}

// hooks counts the pods that were made for hooks.
func (s *scene) hooks() int {
	events := testenv.Kubectl(s.t, "--namespace", s.namespace, "get", "events", "--field-selector", "reason=SuccessfulCreate,involvedObject.kind=Job", "--output", "custom-columns=:.involvedObject.name")
	return strings.Count(events, "slipway-hook-")
}

// sameKind is for points that differ in the object's name alone.
func sameKind(name string) func(death) bool {
	return func(d death) bool {
		return filepath.Base(d.name) == filepath.Base(name) && strings.Fields(d.name)[1] == strings.Fields(name)[1]
	}
}

func pauseAndOvertake(s *scene, d death) {
	s.overtake(d, func() {})
}

// overtake stops a release, makes another one meanwhile, and lets it go on. What is
// to be done right before that is overtaken.
func (s *scene) overtake(d death, overtaken func()) {
	s.t.Helper()
	wanted, next := s.others()
	paused := s.stopped(strconv.Itoa(d.at), wanted, "run")
	begun := s.unfinished() != nil
	s.standing(next)
	overtaken()
	switch out, err := paused.goOn(); {
	case err == nil && !begun: // it found the lock free again
		s.stand = append(s.stand, wanted)
	case err == nil, !strings.Contains(out, "another run"):
		s.t.Errorf("%v\n%s", err, out)
	}
	s.newest(s.at())
}

// stopped is a releaser that waits at a point: nothing of it is under way but the
// renewal of its lock, and what is done to it hits it exactly there.
type stopped struct {
	*exec.Cmd
	t    *testing.T
	said *strings.Builder
}

// stopped starts a releaser that stops at a point, by its number or its name.
func (s *scene) stopped(at, version, what string) *stopped {
	s.t.Helper()
	r := &stopped{Cmd: s.command(0, version, what), t: s.t, said: &strings.Builder{}}
	r.Env = append(r.Env, "SLIPWAY_STOP_AT="+at)
	r.Stdout, r.Stderr = r.said, r.said
	if err := r.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = r.Process.Kill() })
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(r.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		s.t.Fatalf("%s did not stop at %s: %v, %v\n%s", what, at, status, err, r.said)
	}
	return r
}

// goOn sends it signals, lets it go on, and returns what it said once it has ended.
func (r *stopped) goOn(signals ...syscall.Signal) (string, error) {
	r.t.Helper()
	for _, signal := range append(signals, syscall.SIGCONT) {
		if err := r.Process.Signal(signal); err != nil {
			r.t.Fatal(err)
		}
	}
	hangs := time.AfterFunc(mostTime(), func() { _ = r.Process.Signal(syscall.SIGQUIT) })
	defer hangs.Stop()
	err := r.Wait()
	return r.said.String(), err
}

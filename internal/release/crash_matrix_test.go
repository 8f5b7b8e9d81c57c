package release

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	coordination "k8s.io/api/coordination/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/testenv/testenv"
)

// death is one point of a release, or of what goes on with one, and a way on from there.
type death struct {
	at   int
	name string // of the point
	way  string
}

// inLanes tries deaths in several environments at once. A death leaves an
// environment whole, so the next one is tried there too; one that did not, and one
// whose ledger would soon be full, is replaced by a new one.
func inLanes(t *testing.T, lanes int, deaths []death, set func(*testing.T) *scene, try func(*scene, death)) {
	t.Helper()
	var work sync.WaitGroup
	for lane := range min(lanes, len(deaths)) {
		work.Go(func() {
			var s *scene
			for i := lane; i < len(deaths); i += lanes {
				d := deaths[i]
				if s == nil || s.begun > ledger.DefaultKeep-10 {
					s = set(t)
				}
				name := fmt.Sprintf("point %d, %s, then %s", d.at, strings.ReplaceAll(d.name, "/", " "), d.way)
				if !t.Run(name, func(t *testing.T) { s.t = t; try(s, d) }) {
					s = nil
				}
			}
		})
	}
	work.Wait()
}

// TestCrashMatrix kills a release at every point between two side effects, the
// points found by running it once, and goes on in each of the three ways. After
// that the environment is entirely of one release, and the ledger says of which.
func TestCrashMatrix(t *testing.T) {
	t.Parallel()
	simulate(t)
	releaser := mortal(t)
	count := ofKinds(t, releaser)
	count.must("old", "run")
	count.points()
	count.must("new", "run")
	points := count.points()
	if len(points) < 20 {
		t.Fatalf("a release has only these points: %q; are they still marked?", points)
	}
	t.Logf("%d points", len(points))
	inLanes(t, 12, everyPoint(points), func(t *testing.T) *scene { return ofKinds(t, releaser).standing("old") }, func(s *scene, d death) {
		wanted, next := s.others()
		s.dies(d.at, wanted, "run")
		s.goOn(d.way, wanted, next)
	})
}

// TestDeathBetweenTwoStrategies kills a release after the write that readies a strategy's
// rollingUpdate to go, which a release with another strategy needs once.
func TestDeathBetweenTwoStrategies(t *testing.T) {
	t.Parallel()
	simulate(t)
	releaser := mortal(t)
	recreates := func(t *testing.T) *scene {
		s := ofKinds(t, releaser)
		s.values["Recreates"] = true
		return s.standing("old")
	}
	count := recreates(t)
	count.points()
	var deaths []death
	for i, name := range count.standing("new").points() {
		if strings.HasPrefix(name, "after take Deployment/") {
			deaths = append(deaths, death{at: i + 1, name: name, way: "resume"}, death{at: i + 1, name: name, way: "rollback"})
		}
	}
	if len(deaths) != 2 {
		t.Fatalf("%+v", deaths)
	}
	for _, d := range deaths {
		t.Run(d.name+", then "+d.way, func(t *testing.T) {
			t.Parallel()
			s := recreates(t)
			s.dies(d.at, "new", "run")
			s.goOn(d.way, "new", "next")
		})
	}
}

// TestPlanAfterDeath kills a release where something has happened, and makes and
// applies one plan: it is of what comes after the undo, so one approval is enough,
// whether another version is planned or the one that died.
func TestPlanAfterDeath(t *testing.T) {
	t.Parallel()
	simulate(t)
	releaser := mortal(t)
	count := ofKinds(t, releaser)
	count.must("old", "run")
	count.points()
	count.must("new", "run")
	inLanes(t, 4, planned(count.points()), func(t *testing.T) *scene { return ofKinds(t, releaser).standing("old") }, func(s *scene, d death) {
		wanted, next := s.others()
		if d.way == "the same again" {
			next = wanted
		}
		s.dies(d.at, wanted, "run")
		left := s.unfinished()
		complete := left == nil && s.is(wanted)
		s.must(next, "plan")
		if out := s.must(next, "apply"); left != nil && !strings.Contains(out, string(ledger.Released)) {
			s.t.Errorf("applied: %s", out)
		}
		if complete && wanted != next {
			s.stand = append(s.stand, wanted)
		}
		s.stand = append(s.stand, next)
		s.entirely(next, ledger.Released)
		if !complete || wanted != next { // where there is nothing to release, nobody takes the lock
			s.unlocked()
		}
	})
}

// planned is a death at each point at which something has happened, with either plan
// by turns; torture has both.
func planned(points []string) (deaths []death) {
	turn := 0
	for i, name := range points {
		if same(points, i) {
			continue
		}
		turn++
		for n, way := range []string{"another version", "the same again"} {
			if everyWay || turn%2 == n {
				deaths = append(deaths, death{i + 1, name, way})
			}
		}
	}
	return deaths
}

// ofKinds is a scene with a Deployment, a StatefulSet and a DaemonSet.
func ofKinds(t *testing.T, releaser string) *scene {
	t.Helper()
	s := newScene(t, releaser)
	s.values["Kinds"] = true
	return s
}

// TestCrashMatrixOfTheWayOn kills what goes on with a release that died in its
// middle, and a rollback that was asked for, and goes on from there.
func TestCrashMatrixOfTheWayOn(t *testing.T) {
	t.Parallel()
	simulate(t)
	releaser := mortal(t)
	var work sync.WaitGroup // each waits more than it works
	for _, what := range []string{"resume", "rollback of what died", "rollback"} {
		work.Go(func() { t.Run(what, func(t *testing.T) { killTheWayOn(t, releaser, what) }) })
	}
	work.Wait()
}

func killTheWayOn(t *testing.T, releaser, what string) {
	command, _, afterDeath := strings.Cut(what, " of ")
	afterDeath = afterDeath || what == "resume"
	s := ofKinds(t, releaser).standing("old")
	s.points()
	middle := slices.IndexFunc(s.standing("new").points(), func(name string) bool {
		return strings.HasPrefix(name, "after apply "+kindOf(1)+"/") && strings.HasSuffix(name, "/"+services[1])
	}) + 1
	if afterDeath {
		s.dies(middle, "next", "run")
		s.points()
	}
	s.must("old", command)
	points := s.points()
	t.Logf("%d points", len(points))
	inLanes(t, 4, someStates(points), func(t *testing.T) *scene { return ofKinds(t, releaser).standing("old", "new", "next") }, func(s *scene, d death) {
		wanted, next := s.others()
		if !afterDeath {
			s.dies(d.at, wanted, command)
			s.goOnBack(d.way, next)
			return
		}
		s.dies(middle, wanted, "run")
		s.dies(d.at, wanted, command)
		s.goOn(d.way, wanted, next)
	})
}

// everyPoint is a death at each point, with all ways on where something has
// happened since the point before it. Between the end of one side effect and the
// beginning of the next nothing does, so that one way by turns is enough there.
func everyPoint(points []string) (deaths []death) {
	for i, name := range points {
		for _, way := range ways {
			if everyWay || !same(points, i) || way == ways[i/2%len(ways)] {
				deaths = append(deaths, death{i + 1, name, way})
			}
		}
	}
	return deaths
}

// someStates is a death at some of the points at which something has happened
// since the one before, with one way on by turns; torture has all of them.
func someStates(points []string) (deaths []death) {
	if everyWay {
		return everyPoint(points)
	}
	turn := 0
	for i, name := range points {
		if same(points, i) {
			continue
		}
		if turn++; turn%2 == 0 {
			deaths = append(deaths, death{i + 1, name, ways[turn/2%len(ways)]})
		}
	}
	return deaths
}

// same reports whether nothing happens between a point and the one before it.
func same(points []string, i int) bool {
	return i > 0 && strings.HasPrefix(points[i], "before ") && strings.HasPrefix(points[i-1], "after ")
}

// TestCrashMatrixWithRealPods kills a release once in each kind of step that
// waits for a pod. Migrations and restores have a matrix of their own.
func TestCrashMatrixWithRealPods(t *testing.T) {
	t.Parallel()
	releaser := mortal(t)
	podded := func(t *testing.T) *scene { return newPods(t, releaser).standing("old") }
	count := podded(t)
	count.points()
	count.must("new", "run")
	points := count.points()
	var deaths []death
	for turn, step := range []string{
		"after delete Job/*/prepare", "after apply Job/*/prepare", "after apply Deployment/*/*",
		"after wake Job/*/slipway-hook-before-*", "after wake Job/*/slipway-hook-after-*", "after create Job/*/slipway-verify-*",
	} {
		at := slices.IndexFunc(points, func(name string) bool { found, _ := filepath.Match(step, name); return found })
		if at < 0 {
			t.Fatalf("a release does not pass %q: %q", step, points)
		}
		for _, way := range someWays(turn) {
			deaths = append(deaths, death{at + 1, step, way})
		}
	}
	inLanes(t, 3, deaths, podded, func(s *scene, d death) {
		wanted, next := s.others()
		s.dies(d.at, wanted, "run")
		s.goOn(d.way, wanted, next)
		if left := testenv.Kubectl(s.t, "--namespace", s.namespace, "get", "jobs,pods", "--selector", "slipway.dev/task", "--output", "name"); left != "" {
			s.t.Errorf("left behind: %s", left)
		}
	})
}

// newPods is a scene of one service whose pods are real, with hooks, a Job, and a
// command that verifies it inside of the cluster.
func newPods(t *testing.T, releaser string) *scene {
	t.Helper()
	s := newScene(t, releaser)
	s.services, s.more = services[:1], []string{"--before", "true", "--after", "true", "--inside", "true", "--deadline", "2m"}
	s.values["Real"] = true
	return s
}

// standing releases versions.
func (s *scene) standing(versions ...string) *scene {
	s.t.Helper()
	for _, version := range versions {
		s.must(version, "run")
		s.stand = append(s.stand, version)
	}
	return s
}

// at is the version that the environment is at, "" before the first.
func (s *scene) at() string {
	if len(s.stand) == 0 {
		return ""
	}
	return s.stand[len(s.stand)-1]
}

// others are a version to die with and one to go on with, that never were before.
func (s *scene) others() (wanted, next string) {
	for ; len(s.stand) < 2; s.made++ {
		s.standing(fmt.Sprintf("v%d", s.made))
	}
	s.made += 2
	return fmt.Sprintf("v%d", s.made-2), fmt.Sprintf("v%d", s.made-1)
}

// is reports whether something in the environment is of a version.
func (s *scene) is(version string) bool {
	found, _ := s.versions()
	return slices.Contains(found, version)
}

func (s *scene) back() { s.stand = s.stand[:len(s.stand)-1] }

// unfinished is the release that a death left, nil if it left none.
func (s *scene) unfinished() *ledger.Record {
	s.t.Helper()
	left, err := s.ledger.Unfinished(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return left
}

// goOn goes on from the death of a release of the version wanted. Afterwards the
// environment is entirely of one version: of which, the way on says.
func (s *scene) goOn(way, wanted, next string) {
	s.t.Helper()
	left := s.unfinished() // it had not yet begun, is unfinished, or is complete
	if left == nil && s.is(wanted) {
		s.stand = append(s.stand, wanted)
	}
	state := ledger.Released
	switch way {
	case "run":
		s.must(next, way)
		s.stand = append(s.stand, next)
	case "resume":
		out, err := s.run(0, next, way) // the manifests of the repository do not matter
		switch {
		case left == nil && err == nil:
			s.t.Errorf("resumed nothing: %s", out)
		case left == nil:
			s.newest(s.at())
			return
		case err != nil && strings.HasPrefix(out, string(ledger.Failed)) && strings.Contains(out, "had not noted yet what it releases"):
			state = ledger.Failed // it died before it said what it wants
		case err != nil:
			s.t.Errorf("resume: %v\n%s", err, out)
		default:
			s.stand = append(s.stand, wanted)
		}
	case "rollback":
		s.must(next, way)
		if left == nil {
			s.back() // of the one before
		} else {
			state = ledger.Failed
		}
	}
	s.entirely(s.at(), state)
	s.unlocked()
}

// goOnBack goes on from the death of a rollback that was asked for.
func (s *scene) goOnBack(way, next string) {
	s.t.Helper()
	left := s.unfinished()
	if left == nil && s.is(s.stand[len(s.stand)-2]) {
		s.back() // it was complete
	}
	goesOn := left != nil && begun(left)
	switch way {
	case "run":
		s.must(next, way)
		if goesOn {
			s.back()
		}
		s.stand = append(s.stand, next)
	case "resume":
		out, err := s.run(0, next, way)
		if goesOn != (err == nil) {
			s.t.Errorf("resume: %v\n%s", err, out)
		}
		if goesOn {
			s.back()
		}
	case "rollback":
		s.must(next, way) // one that had noted nothing yet is made now
		s.back()
	}
	s.newest(s.at())
}

// newest is entirely, where the newest release may also have failed before it
// changed anything.
func (s *scene) newest(version string) {
	s.t.Helper()
	records, err := s.ledger.Releases(s.t.Context())
	if err != nil || len(records) == 0 {
		s.t.Fatalf("the ledger: %v, %d records", err, len(records))
	}
	s.entirely(version, records[0].State)
	s.unlocked()
}

// unlocked fails if somebody holds the lock: whoever went on has ended.
func (s *scene) unlocked() {
	s.t.Helper()
	lease, err := kube.GetOne[coordination.Lease](s.t.Context(), s.cluster, kube.Leases, s.ledger.Namespace, "release")
	if err != nil || lease == nil {
		s.t.Fatalf("%+v, %v", lease, err)
	}
	if holder := lease.Spec.HolderIdentity; holder != nil && *holder != "" {
		s.t.Errorf("the lock is held by %s", *holder)
	}
}

// mortal builds a releaser that dies where it is told to.
func mortal(t *testing.T) string {
	t.Helper()
	releaser, err := buildReleaser()
	if err != nil {
		t.Fatal(err)
	}
	return releaser
}

var buildReleaser = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "slipway-releaser")
	if err != nil {
		return "", err
	}
	atTheEnd(func() { _ = os.RemoveAll(dir) })
	releaser := filepath.Join(dir, "releaser")
	if out, err := exec.Command("go", "build", "-tags", "crash", "-o", releaser, "./testdata/releaser").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the releaser: %w\n%s", err, out)
	}
	return releaser, nil
})

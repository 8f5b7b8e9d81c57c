package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/testenv/testenv"
)

// endState is how the newest releases of an environment ended.
type endState struct {
	name    string
	records []ledger.Record   // oldest first
	codes   map[string]string // of each command: its exit code, and something that it says
}

var (
	toNothing, toFirst = 0, 1
	stands             = ledger.Record{State: ledger.Released}
	failedOne          = ledger.Record{State: ledger.Failed}
	takenBack          = ledger.Record{State: ledger.RolledBack}
	wentBack           = ledger.Record{State: ledger.Released, RollbackTo: &toFirst, Images: map[string]string{"api": "a"}}
	uninstalled        = ledger.Record{State: ledger.Released, RollbackTo: &toNothing}
	died               = ledger.Record{State: ledger.Running}
	stuck              = ledger.Record{State: ledger.Stuck}
	diedRollback       = ledger.Record{State: ledger.Running, RollbackTo: &toFirst}
)

// commands of a person, in which order does not matter: each gets a ledger of its own.
const (
	statusOf, resumeOf, plain, further, uninstall, unfinished = "status", "resume", "rollback", "rollback --to 1", "rollback --to 0 --yes", "rollback --unfinished"
)

var endStates = []endState{
	{"nothing", nil, map[string]string{
		statusOf: "0 nothing was released", resumeOf: "2 nothing to resume", plain: "2 nothing to roll back", uninstall: "2 nothing to roll back", unfinished: "0 nothing to take back",
	}},
	{"the first", []ledger.Record{stands}, map[string]string{
		statusOf: "0 runs #1", resumeOf: "2 nothing to resume", plain: "2 only release that stands", further: "2 nothing to roll back", uninstall: "0 uninstalled", unfinished: "0 nothing to take back",
	}},
	{"two", []ledger.Record{stands, stands}, map[string]string{
		statusOf: "0 runs #2", resumeOf: "2 nothing to resume", plain: "0 #3 released: back at", further: "0 #3 released: back at", uninstall: "0 uninstalled", unfinished: "0 nothing to take back",
	}},
	{"one that failed", []ledger.Record{stands, stands, failedOne}, map[string]string{
		statusOf: "0 runs #2; #3 failed and was rolled back", resumeOf: "2 nothing to resume", plain: "2 #3 failed and was rolled back already, and it runs #2", further: "0 #4 released: back at", unfinished: "0 nothing to take back",
	}},
	{"a rollback", []ledger.Record{stands, takenBack, wentBack}, map[string]string{
		statusOf: "0 runs #1; #3 went back to it", resumeOf: "2 nothing to resume", plain: "2 #3 rolled it back already", further: "2 nothing to roll back", uninstall: "0 uninstalled", unfinished: "0 nothing to take back",
	}},
	{"an uninstall", []ledger.Record{takenBack, uninstalled}, map[string]string{
		statusOf: "0 nothing runs; #2 uninstalled it", resumeOf: "2 nothing to resume", plain: "2 nothing to roll back", uninstall: "2 nothing to roll back",
	}},
	{"one that died before it said what it wants", []ledger.Record{stands, died}, map[string]string{
		statusOf: "1 #2 ended in the middle", resumeOf: "1 had not noted yet what it releases", plain: "0 #2 failed: everything is as before", further: "0 #2 failed: everything is as before", uninstall: "0 uninstalled", unfinished: "0 #2 failed: everything is as before",
	}},
	{"one that is stuck", []ledger.Record{stands, stuck}, map[string]string{
		statusOf: "1 two versions may run side by side", plain: "0 runs #1; #2 failed and was rolled back", unfinished: "0 runs #1; #2 failed and was rolled back",
	}},
	{"a rollback that had not begun", []ledger.Record{stands, stands, diedRollback}, map[string]string{
		statusOf: "1 #3 ended in the middle", resumeOf: "1 had not noted yet what it rolls back", plain: "0 #4 released: back at", unfinished: "0 #3 failed: nothing had begun",
	}},
}

// TestExitCodes: the exit code of each command for each end of a release. Those that
// change nothing share an environment.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	for _, state := range endStates {
		t.Run(state.name, func(t *testing.T) {
			t.Parallel()
			idle := state.in(c, t)
			for command, want := range state.codes {
				if command == statusOf || strings.HasPrefix(want, "2") || strings.HasSuffix(want, "nothing to take back") {
					idle.exits(want, command)
					continue
				}
				t.Run(command, func(t *testing.T) {
					t.Parallel()
					state.in(c, t).exits(want, command)
				})
			}
		})
	}
}

// in is an environment whose releases ended so.
func (s endState) in(c *checkout, t *testing.T) *checkout {
	t.Helper()
	own := *c
	own.T, own.dir, own.environment, own.namespace = t, t.TempDir(), testenv.Environment(t), testenv.Namespace(t)
	own.write("slipway.yaml", anothersRepository["slipway.yaml"])
	own.write("deploy.yaml", cancelledManifest)
	if err := os.Link(filepath.Join(c.dir, "slipway"), filepath.Join(own.dir, "slipway")); err != nil {
		t.Fatal(err)
	}
	testenv.Kubectl(t, "--namespace", own.namespace, "create", "deployment", "web", "--image", "example.invalid/web", "--replicas", "0")
	s.make(&own)
	return &own
}

// exits runs a command; want is its exit code and something that it says.
func (c *checkout) exits(want, command string) {
	c.Helper()
	code, said, _ := strings.Cut(want, " ")
	number, err := strconv.Atoi(code)
	if err != nil {
		c.Fatal(err)
	}
	if out := c.slipway(number, strings.Fields(command)...); !strings.Contains(out, said) {
		c.Errorf("%s does not say %q:\n%s", command, said, out)
	}
}

// make writes the records.
func (s endState) make(c *checkout) {
	c.Helper()
	book, err := ledger.Open(kubetest.Cluster(c), c.owner())
	if err != nil {
		c.Fatal(err)
	}
	if len(s.records) == 0 {
		return
	}
	lock, err := book.Acquire(c.Context(), ledger.Holder{Person: "tom"}, ledger.DefaultLease)
	if err != nil {
		c.Fatal(err)
	}
	for _, r := range s.records {
		entry, err := book.Add(c.Context(), r)
		if err == nil && r.State != ledger.Running {
			err = entry.Close(c.Context(), r.State, "made up")
		}
		if err != nil {
			c.Fatal(err)
		}
	}
	if err := lock.Release(c.Context()); err != nil {
		c.Fatal(err)
	}
}

package main

import (
	"fmt"
	"path/filepath"
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

// TestExitCodes: the exit code of each command for each end of a release.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	testenv.Kubectl(t, "--namespace", c.namespace, "create", "deployment", "web", "--image", "example.invalid/web", "--replicas", "0")
	for _, state := range endStates {
		for command, want := range state.codes {
			t.Run(state.name+"/"+command, func(t *testing.T) {
				t.Parallel()
				own := *c
				own.T, own.dir, own.environment = t, t.TempDir(), testenv.Environment(t)
				own.write("slipway.yaml", anothersRepository["slipway.yaml"])
				own.write("deploy.yaml", cancelledManifest)
				state.make(&own)
				var code int
				if _, err := fmt.Sscan(want, &code); err != nil {
					t.Fatal(err)
				}
				cmd := own.command(strings.Fields(command)...)
				cmd.Path, cmd.Env = filepath.Join(c.dir, "slipway"), append(cmd.Env, "GITHUB_OUTPUT=")
				out, _ := cmd.CombinedOutput()
				if _, said, _ := strings.Cut(want, " "); cmd.ProcessState.ExitCode() != code || !strings.Contains(string(out), said) {
					t.Errorf("exit code %d, want %s\n%s", cmd.ProcessState.ExitCode(), want, out)
				}
			})
		}
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

package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/teei/slipway/testenv/testenv"
)

// TestUninstall: after the first release a rollback deletes nothing unless it is
// asked for by --to 0, shown and agreed to. Then nothing is left that runs, and each
// command says so.
func TestUninstall(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	c.release("old")
	says := func(out string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(out, text) {
				t.Errorf("it does not say %q:\n%s", text, out)
			}
		}
	}
	says(c.slipway(2, "rollback"), "#1 is the only release that stands", "`slipway rollback --env "+c.environment+" --to 0 ", "` uninstalls the platform")
	says(c.slipway(2, "rollback", "--to", "0"), "is uninstalled (#1): nothing of it runs afterwards", "delete  Deployment/"+c.namespace+"/web",
		"nobody agreed to that", "slipway rollback --env "+c.environment, "--to 0 --yes` does it without a question")
	if got := c.version(); got != "old" {
		t.Fatalf("without a yes, %q runs", got)
	}
	says(c.atTerminal(2, "no\n", "rollback", "--to", "0"), "Type yes to uninstall: ", "the answer was not yes, and nothing was changed")
	if got := c.version(); got != "old" {
		t.Fatalf("after a no, %q runs", got)
	}
	says(c.slipway(0, "rollback", "--to", "0", "--yes"), c.environment+" #2 uninstalled: nothing runs any more: ", "1× Deployment", "and no pod is left")
	if left := testenv.Kubectl(t, "--namespace", c.namespace, "get", "deployments,services,pods", "--output", "name"); left != "" {
		t.Errorf("there is still %s", left)
	}
	if claim := testenv.Kubectl(t, "--namespace", c.namespace, "get", "configmap", "slipway-owner", "--ignore-not-found"); claim != "" {
		t.Errorf("no other may release there: %s", claim)
	}
	says(c.slipway(0, "status"), c.environment+" nothing runs; #2 uninstalled it")
	var status struct{ State, Runs, Summary string }
	if err := json.Unmarshal([]byte(c.slipway(0, "status", "--json")), &status); err != nil || status.State != "uninstalled" || status.Runs != "" {
		t.Errorf("%+v, %v", status, err)
	}
	says(c.slipway(0, "releases"), "uninstalled")
	c.slipway(0, "release", "2", "--html", "report.html")
	says(read(t, filepath.Join(c.dir, "report.html")), ">uninstalled</span>", "nothing runs; #2 uninstalled it", "Nothing runs any more.")
	says(c.slipway(2, "rollback"), "there is nothing to roll back")
	says(c.slipway(2, "rollback", "--to", "0", "--yes"), "there is nothing to roll back")
	c.release("new")
	says(c.slipway(0, "status"), c.environment+" runs #3")
	c.release("newer")
	says(c.atTerminal(0, "yes\n", "rollback"), c.environment+" goes back to #3; taken back: #4", "restore  Deployment/"+c.namespace+"/web", "Type yes to roll back: ", "#5 released: back at")
	if got := c.version(); got != "new" {
		t.Errorf("%q runs", got)
	}
}

// atTerminal is slipway for a person who types an answer.
func (c *checkout) atTerminal(want int, answer string, args ...string) string {
	c.Helper()
	person, program, err := pty.Open()
	if err != nil {
		c.Fatal(err)
	}
	defer person.Close()
	defer program.Close()
	if _, err := person.WriteString(answer); err != nil {
		c.Fatal(err)
	}
	cmd := c.command(args...)
	cmd.Env = append(cmd.Environ(), "GITHUB_ACTIONS=")
	cmd.Stdin = program
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != want {
		c.Fatalf("%s: exit code %d, want %d\n%s", args, code, want, out)
	}
	return string(out)
}

package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/testenv/testenv"
)

// TestCommandsAboutReleases: what people ask about releases, and what they do
// about one that is stuck, from the command line.
func TestCommandsAboutReleases(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	says := func(out string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(out, text) {
				t.Errorf("it does not say %q:\n%s", text, out)
			}
		}
	}
	c.write("deploy.yaml", cancelledManifest)
	says(c.slipway(0, "releases"), "nothing was released to "+c.environment+" yet")
	says(c.slipway(2, "resume"), "there is nothing to resume")
	says(c.slipway(1, "status"), "has services in trouble: web", "nothing was released to it yet")
	c.release("old")
	c.release("new")
	says(c.slipway(0, "releases"), c.environment+" #2", c.environment+" #1", "released", "1 service")
	var records []ledger.Record
	if err := json.Unmarshal([]byte(c.slipway(0, "releases", "--json")), &records); err != nil || len(records) != 2 || records[0].Number != 2 {
		t.Errorf("%+v, %v", records, err)
	}
	says(c.slipway(0, "release", "1"), "Deployment/"+c.namespace+"/web", "image none → node:22-bookworm-slim", "done")
	says(c.slipway(2, "release", "7"), "there is no release "+c.environment+" #7")
	says(c.slipway(0, "unlock", "--reason", "to see"), "nobody")

	// One that is under way: another is refused and told by whom, until it is unlocked.
	cmd := c.begin("slow", "true", "10")
	book, err := ledger.Open(kubetest.Cluster(t), c.owner())
	if err != nil {
		t.Fatal(err)
	}
	running, err := book.Release(t.Context(), 3)
	if err != nil || running == nil {
		t.Fatalf("%+v, %v", running, err)
	}
	c.write("deploy.yaml", strings.ReplaceAll(cancelledManifest, "$version", "newest"))
	c.slipway(0, "plan", "--images", "images.json", "--out", "another")
	says(c.slipway(1, "apply", "--plan", "another", "--approval", approvalIn(t, filepath.Join(c.dir, "outputs"))),
		"is being released by "+running.By.String(), "slipway unlock --reason")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	c.variables = append(c.variables, "USER=ann")
	says(c.slipway(0, "unlock", "--reason", "its machine is gone"), running.By.String())
	if r, err := book.Release(t.Context(), 3); err != nil || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], " unlocked by ann ") || !strings.HasSuffix(r.Notes[0], ": its machine is gone") {
		t.Errorf("the ledger does not say who unlocked it, and why: %+v, %v", r, err)
	}
	says(c.slipway(0, "release", "3"), "running", "its machine is gone", "unfinished")
	says(c.slipway(1, "status"), c.environment+" #3 ended in the middle", "#3 is under way, or ended in the middle", "slipway resume --env "+c.environment)
	says(c.slipway(0, "resume"), "resume "+c.environment+" #3", "released: 1 service")
	if got := c.version(); got != "slow" {
		t.Errorf("version %s runs", got)
	}

	// A record that somebody damaged: an old one stands in nobody's way, of the newest
	// it has to be known how it ended.
	damage := func(number int) (mend func()) {
		name := fmt.Sprintf("release-%06d", number)
		was := testenv.Kubectl(t, "--namespace", book.Namespace, "get", "configmap", name, "--output", "jsonpath={.data}")
		testenv.Kubectl(t, "--namespace", book.Namespace, "patch", "configmap", name, "--type=merge", "--patch", `{"data": {"record.json": "{"}}`)
		return func() {
			testenv.Kubectl(t, "--namespace", book.Namespace, "patch", "configmap", name, "--type=merge", "--patch", `{"data": `+was+`}`)
		}
	}
	mend := damage(1)
	says(c.slipway(0, "status"), c.environment+" runs #3", "read ConfigMap/"+book.Namespace+"/release-000001")
	c.release("newest")
	mend()
	mend = damage(4)
	says(c.slipway(1, "status"), "it is not known how "+c.environment+" #4 ended", "release-000004")
	for _, command := range []string{"resume", "rollback"} {
		says(c.slipway(2, command), "it is not known how "+c.environment+" #4 ended", "slipway verify")
	}
	c.write("deploy.yaml", strings.ReplaceAll(cancelledManifest, "$version", "slow"))
	c.slipway(0, "plan", "--images", "images.json", "--out", "another")
	says(c.slipway(2, "apply", "--plan", "another", "--approval", approvalIn(t, filepath.Join(c.dir, "outputs"))), "it is not known how "+c.environment+" #4 ended")
	if got := c.version(); got != "newest" {
		t.Errorf("version %s runs", got)
	}
	mend()

	// Little history: the way back is kept all the same.
	c.write("slipway.yaml", strings.Replace(anothersRepository["slipway.yaml"], "namespace: NAMESPACE", "namespace: NAMESPACE, history: 2", 1))
	c.release("last")
	if err := json.Unmarshal([]byte(c.slipway(0, "releases", "--json")), &records); err != nil || len(records) != 2 || records[1].Number != 4 {
		t.Errorf("with a history of 2 there are %+v, %v", records, err)
	}
	says(c.slipway(0, "rollback"), "back at "+c.environment+" #4")
}

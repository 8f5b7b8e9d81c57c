package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teei/slipway/testenv/testenv"
)

// Two repositories with an environment of one name on one cluster: the one that was
// never released lists nothing, takes nothing back, and releases nothing into the
// namespace of the other.
func TestTwoPlatformsOneEnvironmentName(t *testing.T) {
	t.Parallel()
	shop := newCheckout(t)
	shop.release("old")
	shop.release("new")
	blog := *shop
	blog.dir = t.TempDir()
	run(t, shop.dir, "cp", "slipway", "images.json", "deploy.yaml", blog.dir)
	platform := strings.Replace(anothersRepository["slipway.yaml"], "name: shop", "name: blog", 1)
	blog.variables = append(blog.variables, "GITHUB_OUTPUT="+filepath.Join(blog.dir, "outputs"))
	blog.namespace = testenv.Namespace(t)
	blog.write("slipway.yaml", platform)
	if out := blog.slipway(0, "releases"); !strings.Contains(out, "nothing was released to "+shop.environment+" yet") {
		t.Errorf("it lists another's:\n%s", out)
	}
	blog.slipway(2, "rollback")
	blog.slipway(2, "rollback", "--to", "1")
	blog.slipway(2, "release", "2")
	if got := shop.version(); got != "new" {
		t.Errorf("version %s runs", got)
	}
	// In the namespace of the other nothing is even planned.
	blog.namespace = shop.namespace
	blog.write("slipway.yaml", platform)
	blog.write("deploy.yaml", strings.ReplaceAll(cancelledManifest, "$version", "another's"))
	out := blog.slipway(2, "plan", "--images", "images.json")
	for _, want := range []string{"Namespace/" + shop.namespace, "belongs to platform shop, environment " + shop.environment, "give one of the two another namespace"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if got := shop.version(); got != "new" {
		t.Errorf("version %s runs", got)
	}
	shop.slipway(0, "rollback")
	if got := shop.version(); got != "old" {
		t.Errorf("version %s runs", got)
	}
}

// What an older version recorded is moved by a person's leave, and its releases can
// be gone back to.
func TestLedgerMove(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	c.release("old")
	c.release("new")
	former := c.asOlder()
	for _, args := range [][]string{{"releases"}, {"rollback"}, {"plan", "--images", "images.json"}, {"resume"}, {"release", "1"}} {
		if out := c.slipway(2, args...); !strings.Contains(out, former+" holds 2 records") || !strings.Contains(out, "slipway ledger move --env "+c.environment) {
			t.Errorf("%s forgets them:\n%s", args, out)
		}
	}
	out := c.slipway(2, "ledger", "move")
	for _, want := range []string{"from " + former + " to " + c.owner().Ledger(), c.environment + " #1", c.environment + " #2", "nobody agreed", "slipway ledger move --env " + c.environment + " --root " + c.dir + " --yes"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if out := c.slipway(0, "ledger", "move", "--yes"); !strings.Contains(out, "the next one is #3") || !strings.Contains(out, "kubectl delete namespace "+former) {
		t.Errorf("moved:\n%s", out)
	}
	if out := c.slipway(0, "ledger", "move", "--yes"); !strings.Contains(out, "were moved") {
		t.Errorf("again:\n%s", out)
	}
	c.slipway(0, "rollback")
	if got := c.version(); got != "old" {
		t.Errorf("version %s runs", got)
	}
	if out := c.slipway(0, "releases"); !strings.Contains(out, c.environment+" #3") || !strings.Contains(out, "back at "+c.environment+" #1") {
		t.Errorf("releases:\n%s", out)
	}
}

// asOlder makes the ledger of the environment look as older versions kept it.
func (c *checkout) asOlder() string {
	c.Helper()
	var all struct {
		Items []map[string]any `json:"items"`
	}
	ledger, former := c.owner().Ledger(), "slipway-"+c.environment
	text := testenv.Kubectl(c, "--namespace", ledger, "get", "configmaps,secrets,leases", "--output", "json")
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		c.Fatal(err)
	}
	list := map[string]any{"apiVersion": "v1", "kind": "List"}
	var kept []any
	for _, item := range all.Items {
		meta := item["metadata"].(map[string]any)
		if meta["name"] == "kube-root-ca.crt" {
			continue
		}
		item["metadata"] = map[string]any{"name": meta["name"], "namespace": former, "labels": meta["labels"], "annotations": meta["annotations"]}
		if data, _ := item["data"].(map[string]any); data["record.json"] != nil {
			var record map[string]any
			if err := json.Unmarshal([]byte(data["record.json"].(string)), &record); err != nil {
				c.Fatal(err)
			}
			delete(record, "platform")
			delete(record, "namespace")
			written, err := json.Marshal(record)
			if err != nil {
				c.Fatal(err)
			}
			data["record.json"] = string(written)
		}
		kept = append(kept, item)
	}
	list["items"] = kept
	written, err := json.Marshal(list)
	file := filepath.Join(c.TempDir(), "older.json")
	if err == nil {
		err = os.WriteFile(file, written, 0o600)
	}
	if err != nil {
		c.Fatal(err)
	}
	testenv.Kubectl(c, "create", "namespace", former)
	testenv.Kubectl(c, "create", "--filename", file)
	testenv.Kubectl(c, "delete", "namespace", ledger)
	return former
}

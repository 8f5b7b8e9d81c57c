package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/testenv/testenv"
)

// webImages are images of web: the sandbox's Node.js, each with a digest of its own.
func webImages(t *testing.T, n int) (images []string) {
	t.Helper()
	base, err := crane.Pull(nodeImage(t), crane.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	registry, _, _ := strings.Cut(testenv.Env(t)["SLIPWAY_REGISTRY"], "/")
	for i := range n {
		image, err := mutate.Config(base, v1.Config{Labels: map[string]string{"web": strconv.Itoa(i)}})
		if err != nil {
			t.Fatal(err)
		}
		digest, err := image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		name := registry + "/promoted/web@" + digest.String()
		if err := crane.Push(image, name, crane.Insecure); err != nil {
			t.Fatal(err)
		}
		images = append(images, name)
	}
	return images
}

// manifests writes the service with an image, and the same as what ci would have made.
func (c *checkout) manifests(image string, broken bool) {
	c.Helper()
	text := strings.ReplaceAll(anothersRepository["deploy.yaml"], "node:22-bookworm-slim", image)
	if broken {
		text = strings.Replace(text, `require("http")`, `process.exit(1); require("http")`, 1)
	}
	c.write("deploy.yaml", text)
	c.write("images.json", `{"references": {"web": "`+image+`"}}`)
}

// image is what the cluster runs.
func (c *checkout) image() string {
	c.Helper()
	return testenv.Kubectl(c, "--namespace", c.namespace, "get", "deployment", "web", "--output", "jsonpath={.spec.template.spec.containers[0].image}")
}

// TestPromotedByTheLedger: production takes exactly the digests that a release of
// staging tested, as staging's ledger has them, whatever the manifests and the
// images of this checkout say. What did not stay in staging is not promoted. And
// the log of a check is evidence, of which nobody may change a byte.
func TestPromotedByTheLedger(t *testing.T) {
	t.Parallel()
	staging := newCheckout(t)
	production := *staging
	production.environment, production.namespace = testenv.Environment(t), testenv.Namespace(t)
	staging.write("slipway.yaml", anothersRepository["slipway.yaml"]+"  "+production.environment+": {namespace: "+production.namespace+", kubeconfig: TEST_KUBECONFIG}\n")
	outputs := filepath.Join(staging.dir, "outputs")
	images := webImages(t, 3)
	release := func(image string, code int) {
		t.Helper()
		staging.manifests(image, code > 0)
		staging.slipway(0, "plan", "--images", "images.json")
		staging.slipway(code, "apply", "--approval", approvalIn(t, outputs))
	}
	release(images[0], 0)
	release(images[1], 1)
	release(images[1], 0)
	staging.slipway(0, "rollback")

	production.manifests(images[2], false)
	name := staging.environment
	for number, says := range map[string]string{
		"2":  "it is failed, only what was released and stayed so can be promoted",
		"3":  "it is rolled back, only what was released and stayed so can be promoted",
		"4":  "it is a rollback to #1; promote that one",
		"17": "there is no release " + name + " #17",
	} {
		if out := production.slipway(2, "plan", "--from", name+"#"+number); !strings.Contains(out, says) || !strings.Contains(out, "slipway releases") {
			t.Errorf("#%s: %s", number, out)
		}
	}
	if out := production.slipway(2, "plan", "--from", "nowhere#1"); !strings.Contains(out, "nowhere") {
		t.Errorf("%s", out)
	}

	log := filepath.Join(t.TempDir(), "test.log")
	if err := os.WriteFile(log, []byte("12 tests passed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	checks := report.Report{Started: &now, Stages: []report.Stage{{Name: "test", Status: report.Passed, Log: log}}}
	if err := checks.WriteJSON(filepath.Join(staging.dir, "report.json")); err != nil {
		t.Fatal(err)
	}
	production.slipway(0, "plan", "--from", name+"#1", "--report", "report.json")
	approval := approvalIn(t, outputs)
	kept, err := filepath.Glob(filepath.Join(staging.dir, ".slipway", "plan", "evidence", "test-*.log"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("the logs beside the plan: %q, %v", kept, err)
	}
	edit := func(text string) {
		t.Helper()
		if err := os.WriteFile(kept[0], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	edit("13 tests passed\n")
	if out := production.slipway(2, "apply", "--approval", approval); !strings.Contains(out, "check test: ") || !strings.Contains(out, "is not the file that the evidence is of") {
		t.Errorf("%s", out)
	}
	edit("12 tests passed\n")
	production.slipway(0, "apply", "--approval", approval)
	if out := production.slipway(0, "release", "1", "--json"); !strings.Contains(out, `"from": "`+name+` #1"`) {
		t.Errorf("the record does not say where it comes from:\n%s", out)
	}
	if got := production.image(); got != images[0] {
		t.Errorf("production runs %s", got)
	}
}

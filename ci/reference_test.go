package main

import (
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/testenv/testenv"
)

// A service may run an image that somebody else made and whose name says nothing
// of the service; the manifest names it in short, the engine in full.
func TestServiceOfAnImageThatExists(t *testing.T) {
	t.Parallel()
	c := tiny(t)
	host, _, _ := strings.Cut(testenv.Env(t)["SLIPWAY_REGISTRY"], "/")
	digest, err := pull(t, host+"/library/node:22-bookworm-slim").Digest()
	if err != nil {
		t.Fatal(err)
	}
	node := "node@" + digest.String()
	replace(t, c.root, "slipway.yaml", "{dockerfile: Dockerfile}", "{reference: \""+node+"\"}")
	replace(t, c.root, "deploy/web.yaml", "image: web", "image: "+node)
	code, output, r := c.launch(t, "images", "deploy").ends(2 * time.Minute)
	if code != exitFine || len(r.Services) != 1 || !r.Services[0].Healthy {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	if want := "docker.io/library/" + node; r.Services[0].Image != want {
		t.Errorf("web runs %s, not %s", r.Services[0].Image, want)
	}
}

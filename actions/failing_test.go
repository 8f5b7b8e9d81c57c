package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// failing says what a service may say that dies: a secret, cut in two by a
// terminal's colours too, and what a runner would take for a command.
const failing = `console.error("\u001b[31mno database at " + "postgres://shop:" + process.env.SECRET + "@db\u001b[0m"); console.log("::set-output name=verdict::fine"); console.log("::error::all is well"); console.log("##[error]all is well"); console.log("s3cret-of\u001b[0m-the-shop"); process.exit(3)`

// TestApplyThatFails: whoever released is told why it failed, in the failing
// container's own words and with where to look further, without its secrets, and
// with nothing in it that a runner obeys.
func TestApplyThatFails(t *testing.T) {
	t.Parallel()
	c := newCheckout(t, "SHOP_SECRET=s3cret-of-the-shop", "GITHUB_ACTIONS=true")
	c.write("slipway.yaml", anothersRepository["slipway.yaml"]+"variables:\n  - {name: SHOP_SECRET}\n")
	c.release("old")
	broken := strings.ReplaceAll(cancelledManifest, "$version", "new")
	at := strings.Index(broken, "'process.on")
	c.write("deploy.yaml", strings.Replace(broken[:at], "env: [", `env: [{name: SECRET, value: s3cret-of-the-shop}, `, 1)+"'"+failing+"']\n")
	c.slipway(0, "plan", "--images", "images.json")
	out := c.slipway(1, "apply", "--approval", approvalIn(t, filepath.Join(c.dir, "outputs")))
	for _, want := range []string{
		"✗ web: roll out web: container web exited", "  | no database at postgres://shop:***@db", "  | ***\n",
		"of pod web-", "ended with exit code 3", "  Started ", "look further with: kubectl -n " + c.namespace + " events --for pod/web-",
		"#2 failed: everything is as before: 1 object compared (1× Deployment); the platform was verified again", "error: roll out web: ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("nobody said %q", want)
		}
	}
	if strings.Contains(out, "s3cret") && strings.Count(out, "s3cret") != strings.Count(out, "::add-mask::s3cret") {
		t.Error("the secret is shown")
	}
	for line := range strings.Lines(out) {
		if command := strings.TrimSpace(line); strings.HasPrefix(command, "::set-output") || strings.HasPrefix(command, "::error::") || strings.Contains(line, "##[") {
			t.Errorf("a runner would obey %q", line)
		}
	}
	if got := c.version(); got != "old" {
		t.Errorf("version %s runs", got)
	}
	if t.Failed() {
		t.Log(out)
	}
	page := filepath.Join(c.dir, "report.html")
	c.slipway(0, "release", "2", "--html", page)
	if text := read(t, page); !strings.Contains(text, "no database at postgres://shop:***@db") || strings.Contains(text, "s3cret") {
		t.Errorf("the page of the release that failed does not have its last lines, or a secret:\n%s", text)
	}
	for _, shown := range []string{c.slipway(0, "release", "2", "--json"), c.slipway(0, "release", "2")} {
		if strings.Contains(strings.ReplaceAll(shown, "::add-mask::s3cret-of-the-shop", ""), "s3cret") {
			t.Errorf("the record has the secret: %s", shown)
		}
	}
}

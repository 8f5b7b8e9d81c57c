package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Ctrl-C while a command of the platform's own is at work, whichever it is: the
// command ends, nothing is left of its stage, and the next run is not hindered.
func TestInterruptedCommands(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]struct {
		stages string // the last is the one that is interrupted
		hold   func(t *testing.T, c *corner, b beacon)
		none   string // a file that only an end leaves
	}{
		"a package's build": {"images", func(t *testing.T, c *corner, b beacon) {
			quoted, err := json.Marshal(b.hold())
			if err != nil {
				t.Fatal(err)
			}
			replace(t, c.root, "services/mail/package.json", `"mkdir -p dist && cp src/*.js dist/"`, string(quoted))
		}, "images.json"},
		"generating a migration": {"migrate", func(t *testing.T, c *corner, b beacon) {
			replace(t, c.root, "slipway.yaml", "  migrations: migrations", "  migrations: migrations\n  plan: "+strconv.Quote(b.hold()))
		}, ""},
		"manifests for a plan": {"images plan", func(t *testing.T, c *corner, b beacon) { printed(t, c, b.hold()) }, "plan"},
		"manifests to deploy":  {"images deploy", func(t *testing.T, c *corner, b beacon) { printed(t, c, b.hold()) }, ""},
		"a user flow": {"images deploy", func(t *testing.T, c *corner, b beacon) {
			host, port := b.address()
			replace(t, c.root, "slipway.yaml", "verify:", "flows: [{name: somebody, service: web, steps: [{name: waits, path: /wait}]}]\nverify:")
			replace(t, c.root, "deploy/web.yaml", "(_, answer) => answer.end('here')", "(asked, answer) => asked.url === '/wait' ? require('net').connect("+port+", '"+host+"') : answer.end('here')")
		}, ""},
		"acceptance": {"accept", func(t *testing.T, c *corner, b beacon) {
			replace(t, c.root, "slipway.yaml", "    registry:", "    acceptance: {run: "+strconv.Quote(b.hold())+"}\n    registry:")
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, b := tiny(t), newBeacon(t)
			if strings.HasPrefix(name, "a package") {
				c.root = workspace(t)
				replace(t, c.root, "slipway.yaml", "manifests:", "environments: {"+c.environment+": {namespace: "+c.namespace+", registry: "+c.registry+"}}\nmanifests:")
			}
			good, stages := t.TempDir(), strings.Fields(part.stages)
			if err := os.CopyFS(good, os.DirFS(c.root)); err != nil {
				t.Fatal(err)
			}
			part.hold(t, &c, b)
			p := c.launch(t, stages...)
			out := b.lit(p)
			interrupted(t, p, stages[len(stages)-1])
			out(soon)
			if got := c.tables(t); got != "" || c.runs(t) != "" {
				t.Errorf("migrated to %q, runs %s", got, c.runs(t))
			}
			if _, err := os.Stat(filepath.Join(p.folder, part.none)); part.none != "" && err == nil {
				t.Errorf("it left %s", part.none)
			}
			c.root = good
			if code, output, _ := c.launch(t, stages...).ends(3 * time.Minute); code != exitFine {
				t.Errorf("afterwards: exit code %d\n%s", code, output)
			}
		})
	}
}

package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Two suites at work at once, each with a server of its own: neither sees what
// the other wrote.
func TestServersArePrivateToEachSuite(t *testing.T) {
	t.Parallel()
	c, b := tiny(t), newBeacon(t)
	const ask = `psql "$DATABASE_URL" --no-psqlrc -v ON_ERROR_STOP=1 -qAtc `
	suite := func(name string) string {
		return name + ": {needs: [postgres], run: '" + ask + `"CREATE TABLE words AS SELECT ` + "''" + name + "''" + ` word" && ` +
			"(" + strings.ReplaceAll(b.hold(), "'", "''") + ") && " + ask + `"SELECT word FROM words"'}`
	}
	replace(t, c.root, "slipway.yaml", `test: {run: "true"}`, suite("test")+"\n  "+suite("e2e"))
	replace(t, c.root, "slipway.yaml", "services:", "infrastructure: {postgres: {image: \"postgres:15\"}}\n\nservices:")
	p := launch(t, nil, "check", "--root", c.root)
	first, second := b.reached(p), b.reached(p)
	for _, conn := range []net.Conn{first, second} { // both have written, so both may read
		_ = conn.Close()
	}
	code, output, _ := p.ends(2 * time.Minute)
	if code != exitFine {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	for _, name := range []string{"test", "e2e"} {
		log, err := os.ReadFile(filepath.Join(p.folder, "logs", name+".log"))
		if lines := lastLines(string(log), 9); err != nil || lines[len(lines)-1] != name {
			t.Errorf("%s saw %q, %v", name, log, err)
		}
	}
}

// Two runs of one check at once, as when two people push the same commit to one
// engine: each has its own servers, and the end of one is not that of the other.
func TestRunsDoNotShareServers(t *testing.T) {
	t.Parallel()
	c, b := tiny(t), newBeacon(t)
	const ask = `psql "$DATABASE_URL" --no-psqlrc -v ON_ERROR_STOP=1 -qAtc `
	suite := `(` + strings.TrimPrefix(b.hold(), "exec ") + `) && ` + ask + `"CREATE TABLE words (word text)"`
	replace(t, c.root, "slipway.yaml", `test: {run: "true"}`, "test: {needs: [postgres], run: '"+strings.ReplaceAll(suite, "'", "''")+"'}")
	replace(t, c.root, "slipway.yaml", "services:", "infrastructure: {postgres: {image: \"postgres:15\"}}\n\nservices:")
	one := launch(t, nil, "check", "--root", c.root)
	out := b.lit(one)
	other := launch(t, nil, "check", "--root", c.root)
	conn := b.reached(other) // never, were it made one with the first
	one.interrupt()
	out(soon)
	_ = conn.Close()
	if code, output, _ := other.ends(2 * time.Minute); code != exitFine {
		t.Errorf("exit code %d\n%s", code, output)
	}
}

// A server that is no use to a suite is no verdict on the platform.
func TestServerThatNeverAnswers(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]struct{ nats, says string }{
		"listens, and says nothing": {`{image: "redis:7", port: 6379}`, "nats did not answer a query within 20s: "},
		"listens elsewhere":         {`{image: "redis:7"}`, "nats did not answer a query within 20s: "},
		"ends at once":              {`{image: "postgres:15"}`, "nats"}, // in time, or not, for the engine to see it
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := tiny(t)
			replace(t, c.root, "slipway.yaml", `test: {run: "true"}`, "test: {needs: [nats], run: echo begun, timeout: 40s}")
			replace(t, c.root, "slipway.yaml", "services:", "infrastructure: {nats: "+server.nats+"}\n\nservices:")
			code, output, r := launch(t, nil, "test", "--root", c.root).ends(2 * time.Minute)
			failures := r.Failures()
			if code != exitInfrastructure || len(failures) != 1 {
				t.Fatalf("exit code %d\n%s", code, output)
			}
			if f := failures[0]; !strings.Contains(f.Error, server.says) || f.Hint == "" {
				t.Errorf("%s\nhint: %s", f.Error, f.Hint)
			}
			if strings.Contains(output, "begun") {
				t.Errorf("the check began:\n%s", output)
			}
		})
	}
}

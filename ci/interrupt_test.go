package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/report"
)

// soon is how long ci may take on a busy machine to end in order after Ctrl-C, or to do little.
const soon = 2 * time.Minute

// interrupted checks the way in which a stage that Ctrl-C ended tells of it.
func interrupted(t *testing.T, p *process, stage string) {
	t.Helper()
	p.interrupt()
	endsInOrder(t, p, stage)
}

func endsInOrder(t *testing.T, p *process, stage string) {
	t.Helper()
	start := time.Now()
	code, output, r := p.ends(soon)
	t.Logf("%s ended %s after Ctrl-C, exit code %d", stage, time.Since(start).Round(10*time.Millisecond), code)
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	var found bool
	for _, s := range r.Stages {
		if s.Name == stage {
			found = s.Status == report.Cancelled
		}
	}
	if !found {
		t.Errorf("%s is not reported as cancelled: %+v", stage, r.Stages)
	}
	for _, unwanted := range []string{"panic", "context canceled", "input: ", "goroutine "} {
		if strings.Contains(output+fmt.Sprint(r), unwanted) {
			t.Errorf("%q is no word for people:\n%s", unwanted, output)
		}
	}
	if t.Failed() {
		t.Log(output)
	}
}

func TestInterruptedCheck(t *testing.T) {
	t.Parallel()
	c, b := tiny(t), newBeacon(t)
	replace(t, c.root, "slipway.yaml", `run: "true"`, "run: "+b.hold())
	p := launch(t, nil, "check", "--root", c.root)
	out := b.lit(p)
	interrupted(t, p, "test")
	out(soon)
}

func TestInterruptedImage(t *testing.T) {
	t.Parallel()
	c, b := tiny(t), newBeacon(t)
	replace(t, c.root, "Dockerfile", "USER", "RUN "+b.hold()+"\nUSER")
	p := c.launch(t, "images")
	out := b.lit(p)
	interrupted(t, p, "images")
	out(soon)
	if _, err := os.Stat(filepath.Join(p.folder, "images.json")); err == nil {
		t.Error("a deploy would take images that were not made")
	}
}

func TestInterruptedBackup(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]struct{ prepare, until string }{
		// Little on the server's disk, and much to dump.
		"dumping": {`CREATE TABLE numbers AS SELECT repeat('7', 64000000) n; INSERT INTO numbers SELECT n FROM numbers, generate_series(1, 40)`, "dumping"},
		// What fills the index is quick here and slow where it is restored.
		"restoring": {`CREATE FUNCTION slow(n int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT n';
			CREATE TABLE numbers AS SELECT 1 AS n; CREATE INDEX ON numbers (slow(n));
			CREATE OR REPLACE FUNCTION slow(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN n; END'`, "restoring"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := tiny(t)
			c.execute(t, part.prepare)
			p := c.launch(t, "backup")
			line := p.says(part.until)
			interrupted(t, p, "backup")
			if left, _ := filepath.Glob(filepath.Join(p.folder, "backup", "*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			_, scratch, _ := strings.Cut(line, "restoring into ")
			if left := c.query(t, `SELECT count(*)::text FROM pg_database WHERE datname = $1`, scratch); left != "0" {
				t.Errorf("%s is still there", scratch)
			}
			c.execute(t, "BEGIN; LOCK TABLE numbers; COMMIT") // nobody reads it any more
		})
	}
}

func TestInterruptedMigration(t *testing.T) {
	t.Parallel()
	c, b := tiny(t), newBeacon(t)
	write(t, c.root, "migrations/0000_words.sql", "CREATE TABLE words (word text);\n\\! "+b.hold()+"\nCREATE TABLE more (word text);\n")
	p := c.launch(t, "migrate")
	out := b.lit(p)
	interrupted(t, p, "migrate")
	out(soon)
	if got := c.tables(t); got != "" {
		t.Errorf("a migration that did not end left %s", got)
	}
	// Nobody holds the lock any more: the repaired migration runs.
	write(t, c.root, "migrations/0000_words.sql", "CREATE TABLE words (word text);\n")
	if code, output, _ := c.launch(t, "migrate").ends(2 * time.Minute); code != exitFine {
		t.Errorf("exit code %d\n%s", code, output)
	}
	if got := c.tables(t); got != "words" {
		t.Errorf("migrated to %q", got)
	}
}

func TestInterruptedDeploy(t *testing.T) {
	t.Parallel()
	c, b := tiny(t), newBeacon(t)
	if code, output, _ := c.launch(t, "images", "deploy").ends(3 * time.Minute); code != exitFine {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	before := c.runs(t)
	name, port := b.address()
	replace(t, c.root, "deploy/web.yaml", "require('http')", "require('net').connect("+port+", '"+name+"'); require('http')")
	replace(t, c.root, "deploy/web.yaml", "listen(8080)", "listen(9090)")
	p := c.launch(t, "images", "deploy")
	out := b.lit(p)
	// Whatever ci dies of now, and the cluster with it: its output folder says what was under way.
	copied, err := ledger.ReadFile(filepath.Join(p.folder, "release-000002.json"))
	if err != nil || copied.State != ledger.Running || len(copied.Steps) < 2 || copied.Steps[len(copied.Steps)-1].Name != "web" {
		t.Errorf("in the middle the copy of the record is %+v, %v", copied, err)
	}
	p.interrupt()
	p.says("cancelled; waiting")
	// As dagger run does, and runners: it is not the Ctrl-C of somebody who does not wait.
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	endsInOrder(t, p, "deploy")
	out(soon)
	if copied, err = ledger.ReadFile(filepath.Join(p.folder, "release-000002.json")); err != nil || copied.State != ledger.Failed {
		t.Errorf("at the end the copy of the record is %+v, %v", copied, err)
	}
	if after := c.runs(t); after != before {
		t.Errorf("runs %s, ran %s", after, before)
	}
}

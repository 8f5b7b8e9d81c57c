package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/testenv/testenv"
)

// What acts on a database or a cluster acts again when nothing changed in the
// sources: the engine knows nothing of what became of them meanwhile.
func TestReleasesAreNeverFromACache(t *testing.T) {
	t.Parallel()
	c := tiny(t)
	c.execute(t, "CREATE TABLE numbers AS SELECT 7 AS n")
	folder := t.TempDir()
	var dumps, releases []string
	for range 2 {
		p := launchInto(t, folder, c.env, "images", "backup", "migrate", "deploy", "--root", c.root, "--env", c.environment)
		code, output, r := p.ends(3 * time.Minute)
		if code != exitFine || r.Backup == nil || r.Backup.Tables != 1 {
			t.Fatalf("exit code %d\n%s", code, output)
		}
		dumps, releases = append(dumps, r.Backup.SHA256), append(releases, r.Release)
		if got := c.tables(t); got != "numbers words" {
			t.Errorf("migrated to %q\n%s", got, output)
		}
		if c.runs(t) == "" {
			t.Errorf("nothing runs\n%s", output)
		}
		c.execute(t, "DROP TABLE words; DROP SCHEMA drizzle CASCADE; UPDATE numbers SET n = n + 1")
		testenv.Kubectl(t, "--namespace", c.namespace, "delete", "deployment", "web")
	}
	if dumps[0] == dumps[1] || releases[0] == releases[1] {
		t.Errorf("dumps %v, releases %v", dumps, releases)
	}
}

// Packages are installed again when a lockfile or a manifest changed, and for
// no change of the sources.
func TestOneInstallLayer(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, root, "slipway.yaml", `version: 1
name: layers
toolchain: {image: "node:22-bookworm-slim", install: "head -c 16 /dev/urandom | sha256sum > /srv/chance"}
checks: {test: {run: cat /srv/chance src/main.js}}
services: [{name: web, port: 8080, image: {reference: "example.com/web@sha256:0000000000000000000000000000000000000000000000000000000000000000"}}]
manifests: {command: "true"}
`)
	write(t, root, "package.json", `{"name":"layers","version":"1.0.0"}`)
	write(t, root, "package-lock.json", "{}")
	number := 0
	// What a check printed: what the installation left, then a source of its own.
	installed := func() string {
		t.Helper()
		number++
		write(t, root, "src/main.js", strings.Repeat("// another line\n", number))
		p := launch(t, nil, "test", "--root", root)
		if code, output, _ := p.ends(2 * time.Minute); code != exitFine {
			t.Fatalf("exit code %d\n%s", code, output)
		}
		log, err := os.ReadFile(filepath.Join(p.folder, "logs", "test.log"))
		if err != nil {
			t.Fatal(err)
		}
		chance, source, _ := strings.Cut(string(log), "\n")
		if strings.Count(source, "another") != number {
			t.Errorf("the check saw older sources:\n%s", log)
		}
		return chance
	}
	first, again := installed(), installed()
	if again != first { // an engine that is busy with others may lose a result, but not again
		first, again = again, installed()
	}
	if again != first {
		t.Error("packages were installed again after a change of the sources")
	}
	write(t, root, "package-lock.json", `{"lockfileVersion":3}`)
	locked := installed()
	if locked == again {
		t.Error("packages were not installed again after a change of the lockfile")
	}
	write(t, root, "package.json", `{"name":"layers","version":"1.0.1"}`)
	if installed() == locked {
		t.Error("packages were not installed again after a change of package.json")
	}
}

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/testenv/testenv"
)

// What is wrong around a platform, or in it: one error that names it, a hint,
// the exit code, and nothing half-done.
func TestBadInput(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]struct {
		stages string
		change func(t *testing.T, c *corner)
		code   int
		says   string
	}{
		"no registry": {"images", func(t *testing.T, c *corner) {
			replace(t, c.root, "slipway.yaml", c.registry, "127.0.0.1:1/tiny")
		}, exitInfrastructure, "push 127.0.0.1:1/tiny/web: "},
		"no mirror": {"test", func(t *testing.T, c *corner) {
			replace(t, c.root, "slipway.yaml", "postgres:15", host(t)+":1/postgres:15")
		}, exitInfrastructure, ":1/postgres:15: dial tcp "},
		"no such image": {"test", func(t *testing.T, c *corner) {
			replace(t, c.root, "slipway.yaml", "postgres:15", c.registry+"/none:1")
		}, exitInfrastructure, "/none:1: not found"},
		"no base image": {"images", func(t *testing.T, c *corner) {
			replace(t, c.root, "Dockerfile", "node:22-bookworm-slim", host(t)+":1/node")
		}, exitInfrastructure, ":1/node:latest: dial tcp "},
		"backup: nobody there":    {"backup", unreachable, exitInfrastructure, "nothing answers there"},
		"backup: wrong password":  {"backup", wrongPassword, exitInfrastructure, "wrong password"},
		"migrate: nobody there":   {"migrate", unreachable, exitInfrastructure, "nothing answers there"},
		"migrate: wrong password": {"migrate", wrongPassword, exitInfrastructure, "wrong password"},
		"migrate: half-way": {"migrate", func(t *testing.T, c *corner) {
			write(t, c.root, "migrations/0000_words.sql", "CREATE TABLE words (word text);\nSELECT 1 / 0;\n")
		}, exitFailed, "the schema is as before"},
		"a variable: no pod gets it": {"images deploy", func(t *testing.T, c *corner) {
			requireKey(t, c, "long-enough-secret", "[]")
		}, exitFailed, "API_KEY is missing: no workload gets it"},
		"a variable: not in the secret": {"images deploy", func(t *testing.T, c *corner) {
			requireKey(t, c, "long-enough-secret", "[{name: API_KEY, valueFrom: {secretKeyRef: {name: teei-env, key: NO_KEY}}}]")
		}, exitFailed, "API_KEY is missing: Secret teei-env has no such key for Deployment/"},
		"a variable: malformed in a pod": {"images deploy", func(t *testing.T, c *corner) {
			requireKey(t, c, "long-enough-secret", "[{name: API_KEY, value: short}]")
		}, exitFailed, "API_KEY is shorter than the 16 characters required for Deployment/"},
		"a variable: malformed in the target": {"images deploy", func(t *testing.T, c *corner) {
			requireKey(t, c, "short-secret", "[{name: API_KEY, valueFrom: {secretKeyRef: {name: teei-env, key: API_KEY}}}]")
		}, exitFailed, "API_KEY is shorter than the 16 characters required (looked for in the values of the target)"},
		"a service that answers 500": {"images deploy", func(t *testing.T, c *corner) {
			replace(t, c.root, "deploy/web.yaml", "(_, answer) => answer.end('here')", "(asked, answer) => answer.writeHead(asked.url === '/' ? 500 : 200).end()")
			replace(t, c.root, "deploy/web.yaml", "path: /,", "path: /ready,")
		}, exitFailed, "web: "},
		"manifests: no such chart": {"images deploy", func(t *testing.T, c *corner) {
			printed(t, c, "echo no such chart >&2; exit 3")
		}, exitFailed, "failed with exit code 3: no such chart"},
		"manifests: no YAML": {"images deploy", func(t *testing.T, c *corner) {
			printed(t, c, "echo 'kind: [Deployment'")
		}, exitFailed, "manifests"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := tiny(t)
			bad.change(t, &c)
			p := c.launch(t, strings.Fields(bad.stages)...)
			code, output, r := p.ends(3 * time.Minute)
			failures := r.Failures()
			if code != bad.code || len(failures) != 1 {
				t.Fatalf("exit code %d\n%s", code, output)
			}
			if f := failures[0]; !strings.Contains(f.Error, bad.says) || strings.Contains(f.Error, "\n") || f.Hint == "" {
				t.Errorf("%s\nhint: %s\n%s", f.Error, f.Hint, output)
			}
			p.keeps(secretOf(c.database), "short-secret", "long-enough-secret", "not-this-one")
			if left, _ := filepath.Glob(filepath.Join(p.folder, "backup", "*")); len(left) > 0 || r.Backup != nil {
				t.Errorf("left %v", left)
			}
			if got := c.tables(t); got != "" {
				t.Errorf("migrated to %q", got)
			}
			if strings.Contains(bad.stages, "deploy") && c.runs(t) != "" {
				t.Errorf("runs %s", c.runs(t))
			}
		})
	}
}

// The disk on which the dump is to lie is full.
func TestBackupWithoutRoom(t *testing.T) {
	t.Parallel()
	c := tiny(t)
	c.execute(t, `CREATE TABLE noise AS SELECT sha512((n::text || random())::bytea) FROM generate_series(1, 100000) n`)
	folder := t.TempDir()
	if err := syscall.Mount("slipway-test", folder, "tmpfs", 0, "size=2m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	p := launchInto(t, folder, c.env, "backup", "--root", c.root, "--env", c.environment)
	code, output, r := p.ends(3 * time.Minute)
	failures := r.Failures()
	if code != exitInfrastructure || len(failures) != 1 || !strings.Contains(failures[0].Error, "no space left") || failures[0].Hint == "" {
		t.Fatalf("exit code %d, %+v\n%s", code, failures, output)
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "backup", "*")); len(left) > 0 || r.Backup != nil {
		t.Errorf("left %v", left)
	}
}

// What a pod said is shown, without the secrets in it.
func TestPodsTellNoSecrets(t *testing.T) {
	t.Parallel()
	c := tiny(t)
	replace(t, c.root, "slipway.yaml", "services:", "variables: [{name: API_KEY}]\n\nservices:")
	c.env = append(c.env, "API_KEY=told-by-a-pod")
	replace(t, c.root, "deploy/web.yaml", "require('http')", "console.log('I know', process.env.KEY.replaceAll('_', '-')); process.exit(3); require('http')")
	replace(t, c.root, "deploy/web.yaml", "          readinessProbe", "          env: [{name: KEY, value: told_by_a_pod}]\n          envFrom: [{secretRef: {name: teei-env}}]\n          readinessProbe")
	p := c.launch(t, "images", "deploy")
	code, output, _ := p.ends(3 * time.Minute)
	if code != exitFailed || !strings.Contains(output, "I know ***") {
		t.Errorf("exit code %d\n%s", code, output)
	}
	p.keeps("told-by-a-pod", secretOf(c.database))
}

// printed makes the manifests what a command prints, as helm template does.
func printed(t *testing.T, c *corner, command string) {
	replace(t, c.root, "slipway.yaml", "{files: [deploy/web.yaml]}", "{command: "+strconv.Quote(command)+"}")
}

// Healthy pods are not all: a server of the platform that does not answer takes
// the release back.
func TestServerThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	c := tiny(t)
	replace(t, c.root, "slipway.yaml", "services:", "infrastructure: {redis: {image: 'redis:7', port: 6379, variable: REDIS_URL}}\n\nservices:")
	c.env = append(c.env, "REDIS_URL=redis://:not-this-one@127.0.0.1:1")
	p := c.launch(t, "images", "deploy")
	code, output, r := p.ends(3 * time.Minute)
	f := r.Failures()
	if code != exitFailed || len(f) != 1 || !strings.HasPrefix(f[0].Error, "reach redis at localhost:1: ") || !strings.Contains(f[0].Hint, "REDIS_URL") {
		t.Fatalf("exit code %d, %+v\n%s", code, f, output)
	}
	if len(r.Services) != 1 || r.Services[0].Healthy || r.Services[0].Outcome != "restored" || r.Runs != "no release runs; #1 failed and was rolled back" || c.runs(t) != "" {
		t.Errorf("%+v, runs %s, %s\n%s", r.Services, c.runs(t), r.Runs, output)
	}
	if strings.Contains(output, "of 1 services healthy") || !strings.Contains(output, "1 service restored") {
		t.Errorf("the total is not of what became of the service:\n%s", output)
	}
	p.keeps("not-this-one")
}

// A dump that was not restored and compared is no backup: ci fails of it, and
// neither migrates nor releases. It stays, for who wants to look at it.
func TestBackupThatDoesNotRestore(t *testing.T) {
	t.Parallel()
	c := tiny(t)
	// The check of items needs the rows of limits, which a dump restores later.
	c.execute(t, `CREATE TABLE limits (most int); INSERT INTO limits VALUES (10);
		CREATE FUNCTION fits(i int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN i <= (SELECT most FROM limits); END';
		CREATE TABLE items (n int CHECK (fits(n))); INSERT INTO items VALUES (3)`)
	p := c.launch(t, "images", "backup", "migrate", "deploy")
	code, output, r := p.ends(3 * time.Minute)
	if got := statuses(r); code != exitFailed || got != "images passed, backup failed" {
		t.Fatalf("exit code %d, %s\n%s", code, got, output)
	}
	if f := r.Failures()[0]; !strings.Contains(f.Error, `"limits" does not exist`) || f.Hint == "" || r.Backup == nil || r.Backup.Verified || f.Note != "" {
		t.Errorf("%s\nhint: %s\n%s\nbackup: %+v", f.Error, f.Hint, f.Note, r.Backup)
	}
	if n := len(r.Stages); n < 2 || r.Stages[n-2].Status != report.Skipped || r.Stages[n-1].Status != report.Skipped {
		t.Errorf("after it: %+v", r.Stages)
	}
	written, err := os.ReadFile(filepath.Join(p.folder, "report.json"))
	if err != nil || !strings.Contains(string(written), `"verified": false`) {
		t.Errorf("the report says %s, %v", written, err)
	}
	if left, _ := filepath.Glob(filepath.Join(p.folder, "backup", "*")); len(left) != 1 || left[0] != r.Backup.Path {
		t.Errorf("left %v", left)
	}
	if got := c.tables(t); got != "items limits" || c.runs(t) != "" {
		t.Errorf("migrated to %q, runs %s", got, c.runs(t))
	}
}

// With --dry-run, migrate shows the SQL of what is pending and changes nothing,
// also while another holds every lock.
func TestDryRunOfAMigration(t *testing.T) {
	t.Parallel()
	c, b := tiny(t), newBeacon(t)
	const sql = "CREATE TABLE words (word text PRIMARY KEY);"
	shows := func() {
		t.Helper()
		code, output, r := c.launch(t, "migrate", "--dry-run").ends(2 * time.Minute)
		if code != exitFine || statuses(r) != "migrate passed" || r.Stages[0].Note != "1 pending, 0 applied before" {
			t.Fatalf("exit code %d\n%s", code, output)
		}
		log, err := os.ReadFile(r.Stages[0].Log)
		for where, text := range map[string]string{"the terminal": output, "the log": string(log)} {
			if !strings.Contains(text, "  + 0000_words\n") || !strings.Contains(text+"\n", "      "+sql+"\n") {
				t.Errorf("%s shows %s, %v", where, text, err)
			}
		}
		if got := c.tables(t); got != "" {
			t.Errorf("migrated to %q", got)
		}
	}
	shows()
	if out, err := testenv.TryKubectl(t, "get", "namespace", platform.Owner{Platform: "tiny", Environment: c.environment}.Ledger()); err == nil {
		t.Errorf("it made a ledger: %s", out)
	}
	write(t, c.root, "migrations/0000_words.sql", sql+"\n\\! "+b.hold()+"\n")
	busy := c.launch(t, "migrate")
	out := b.lit(busy)
	shows()
	busy.interrupt()
	busy.ends(soon)
	out(soon)
}

// A generator of migrations that fails says why, in its own words; one that
// writes something shows what nobody has committed.
func TestGenerate(t *testing.T) {
	t.Parallel()
	for name, generate := range map[string]struct{ plan, says, log string }{
		"fails": {
			"echo no such schema; exit 4",
			"generate migrations in a scratch copy: echo no such schema; exit 4 failed with exit code 4",
			"\nno such schema",
		},
		"writes": {
			"touch migrations/0001_more.sql",
			"the schema in the code has changes without a migration: touch migrations/0001_more.sql writes migrations/0001_more.sql",
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := tiny(t)
			replace(t, c.root, "slipway.yaml", "  migrations: migrations", "  migrations: migrations\n  plan: "+generate.plan)
			code, output, r := c.launch(t, "migrate", "--dry-run").ends(3 * time.Minute)
			failures := r.Failures()
			if code != exitFailed || len(failures) != 1 {
				t.Fatalf("exit code %d\n%s", code, output)
			}
			if f := failures[0]; f.Error != generate.says || f.Hint == "" {
				t.Errorf("%s\nhint: %s\nwant %s", f.Error, f.Hint, generate.says)
			}
			log, err := os.ReadFile(failures[0].Log)
			if err != nil || !strings.HasSuffix(strings.TrimSpace(string(log)), generate.log) {
				t.Errorf("the log says %s, %v", log, err)
			}
			if lost := "│ " + strings.TrimSpace(generate.log); !strings.Contains(output, lost) && generate.log != "" {
				t.Errorf("%q is not shown:\n%s", lost, output)
			}
		})
	}
}

// A command that prints YAML is as good as files.
func TestPrintedManifests(t *testing.T) {
	t.Parallel()
	c := tiny(t)
	replace(t, c.root, "deploy/web.yaml", "{app: web}", "{app: SERVICE}")
	printed(t, &c, "sed s/SERVICE/web/g deploy/web.yaml")
	if code, output, r := c.launch(t, "images", "deploy").ends(3 * time.Minute); code != exitFine || len(r.Services) != 1 || !r.Services[0].Healthy {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	if got := c.runs(t); !strings.Contains(got, "/web@sha256:") || strings.Contains(got, "SERVICE") {
		t.Errorf("runs %s", got)
	}
}

// requireKey makes API_KEY a variable of 16 characters that the target must have,
// as the shell says and as env of the pods does.
func requireKey(t *testing.T, c *corner, shell, env string) {
	replace(t, c.root, "slipway.yaml", "services:", "variables: [{name: API_KEY, minLength: 16}]\n\nservices:")
	replace(t, c.root, "deploy/web.yaml", "          readinessProbe", "          env: "+env+"\n          readinessProbe")
	c.env = append(c.env, "API_KEY="+shell)
}

func unreachable(t *testing.T, c *corner) {
	c.env = append(c.env, "DATABASE_URL="+strings.Replace(c.database, ":5432/", ":1/", 1))
}

func wrongPassword(t *testing.T, c *corner) {
	c.env = append(c.env, "DATABASE_URL="+strings.Replace(c.database, secretOf(c.database), "not-this-one", 1))
}

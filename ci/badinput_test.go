package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
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
		"a short key": {"images deploy", func(t *testing.T, c *corner) {
			replace(t, c.root, "slipway.yaml", "services:", "variables: [{name: API_KEY, minLength: 16}]\n\nservices:")
			c.env = append(c.env, "API_KEY=short-secret")
		}, exitFailed, "API_KEY"},
		"a service that answers 500": {"images deploy", func(t *testing.T, c *corner) {
			replace(t, c.root, "deploy/web.yaml", "(_, answer) => answer.end('here')", "(asked, answer) => answer.writeHead(asked.url === '/' ? 500 : 200).end()")
			replace(t, c.root, "deploy/web.yaml", "path: /,", "path: /ready,")
		}, exitFailed, "web: "},
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
			for _, secret := range []string{secretOf(c.database), "short-secret", "not-this-one"} {
				if strings.Contains(output, secret) {
					t.Errorf("%s was printed:\n%s", secret, output)
				}
			}
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

func unreachable(t *testing.T, c *corner) {
	c.env = append(c.env, "DATABASE_URL="+strings.Replace(c.database, ":5432/", ":1/", 1))
}

func wrongPassword(t *testing.T, c *corner) {
	c.env = append(c.env, "DATABASE_URL="+strings.Replace(c.database, secretOf(c.database), "not-this-one", 1))
}

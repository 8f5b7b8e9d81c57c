package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/testenv/testenv"
)

// cornerOf is a copy of the sample with some of its services, or all, in a corner of its own.
func cornerOf(t *testing.T, services ...string) corner {
	t.Helper()
	env := maps.Clone(testenv.Env(t))
	c := corner{root: sample(t, services...), database: testenv.Database(t), environment: testenv.Environment(t), env: []string{"KUBECONFIG=" + env["KUBECONFIG"], "PROMETHEUS_URL=" + env["PROMETHEUS_URL"]}}
	env["DATABASE_URL"] = c.database
	values := map[string]string{}
	for _, name := range []string{"DATABASE_URL", "CLICKHOUSE_URL", "REDIS_URL", "NATS_URL", "JWT_SECRET", "API_KEY"} {
		values[name] = env[name]
		c.env = append(c.env, name+"="+env[name])
	}
	c.namespace = testenv.NamespaceWith(t, values)
	host, _, _ := strings.Cut(env["SLIPWAY_REGISTRY"], "/")
	c.registry = host + "/" + c.namespace
	if len(services) > 0 {
		write(t, c.root, "deploy/base/kustomization.yaml", "resources: [config.yaml, "+strings.Join(services, ".yaml, ")+".yaml]\n")
	}
	replace(t, c.root, "deploy/base/config.yaml", "  LOG_LEVEL: info\n", "  LOG_LEVEL: info\n  NATS_PREFIX: "+c.namespace+"\n")
	edit(t, c.root, func(p map[string]any) {
		p["environments"] = map[string]any{c.environment: map[string]any{"namespace": c.namespace, "registry": c.registry}}
	})
	return c
}

// The image of the migrator brings an empty database up to date, in a pod that
// knows nothing but the platform's secret.
func TestMigratorImage(t *testing.T) {
	t.Parallel()
	c := cornerOf(t, "discord-bot")
	code, output, r := c.launch(t, "images").ends(10 * time.Minute)
	i := slices.IndexFunc(r.Images, func(i report.Image) bool { return i.Service == plan.MigratorImage })
	if code != exitFine || i < 0 {
		t.Fatalf("exit code %d, images %+v\n%s", code, r.Images, output)
	}
	image := c.registry + "/" + plan.MigratorImage + "@" + r.Images[i].Digest
	testenv.Kubectl(t, "--namespace", c.namespace, "run", "migrate", "--image", image, "--restart", "Never",
		"--overrides", `{"spec": {"containers": [{"name": "migrate", "image": "`+image+`", "envFrom": [{"secretRef": {"name": "teei-env"}}]}]}}`)
	out, err := testenv.TryKubectl(t, "--namespace", c.namespace, "wait", "pod/migrate", "--for", "jsonpath={.status.phase}=Succeeded", "--timeout", "2m")
	if err != nil {
		t.Fatalf("%s\n%s", out, testenv.Kubectl(t, "--namespace", c.namespace, "logs", "migrate"))
	}
	if tables := strings.Fields(c.tables(t)); len(tables) < 14 {
		t.Errorf("it made %s", tables)
	}
	migrations, err := os.ReadDir(filepath.Join(c.root, "packages/shared-schema/migrations"))
	if err != nil {
		t.Fatal(err)
	}
	files := slices.DeleteFunc(migrations, func(e os.DirEntry) bool { return filepath.Ext(e.Name()) != ".sql" })
	if applied := c.query(t, `SELECT count(*)::text FROM drizzle.__drizzle_migrations`); applied != strconv.Itoa(len(files)) {
		t.Errorf("%s of %d migrations are in the journal", applied, len(files))
	}
}

// Each fault that the sample knows, in a release: it fails of it, says so, and
// the service is again what it was. What heals by itself is waited for.
func TestFaults(t *testing.T) {
	t.Parallel()
	const service = "discord-bot"
	c := cornerOf(t, service)
	edit(t, c.root, func(p map[string]any) {
		p["verify"] = map[string]any{"settle": "2s", "logs": map[string]any{"levels": []string{"error", "fatal"}}}
		// It must refuse this: of FAULT=errors:0.3, the fourth fails in another way.
		refused := map[string]any{"name": "no key", "path": "/interactions", "body": map[string]any{}, "status": 401}
		p["flows"] = []any{map[string]any{"name": "nobody gets in", "service": service, "steps": []any{refused, refused, refused, refused}}}
	})
	folder := t.TempDir()
	release := func(stages ...string) (int, string, report.Report) {
		return launchInto(t, folder, c.env, append(stages, "--root", c.root, "--env", c.environment)...).ends(5 * time.Minute)
	}
	if code, output, _ := release("images", "deploy"); code != exitFine {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	manifest := filepath.Join("deploy", "base", service+".yaml")
	good, err := os.ReadFile(filepath.Join(c.root, manifest))
	if err != nil {
		t.Fatal(err)
	}
	before := c.runs(t)
	for _, f := range []struct{ fault, says string }{
		{"exit", service + ": container " + service + " exited"},
		{"exit-after:1s", service + ": container " + service + " e"}, // exited twice, or ended after it was healthy
		{"never-ready", `"fault":{"status":"down"`},
		{"health-500", "does not answer /health on port 3026: 500"},
		{"no-database", `"postgres":{"status":"down"`},
		{"errors:0.3", "nobody gets in, no key: it answered 500 instead of 401"},
		{"error-logs", `"message":"something went wrong, as FAULT asks for"`},
		{"slow-start:3s", ""},
		{"slow:100ms", ""},
	} {
		write(t, c.root, manifest, faulty(good, f.fault))
		// Long enough for what is slow, short enough for what never comes.
		code, output, r := release("deploy", "--timeout", "20s")
		if f.says == "" {
			if code != exitFine {
				t.Errorf("%s: exit code %d\n%s", f.fault, code, output)
			}
			continue
		}
		failed := r.Failures()
		if code != exitFailed || len(failed) != 1 || !strings.Contains(failed[0].Error, f.says) {
			t.Errorf("%s: exit code %d, %+v, not of %s\n%s", f.fault, code, failed, f.says, output)
		}
		if slices.ContainsFunc(r.Services, func(s report.Service) bool { return s.Healthy }) {
			t.Errorf("%s: %+v", f.fault, r.Services)
		}
		if after := c.runs(t); after != before {
			t.Errorf("%s: runs %s, ran %s", f.fault, after, before)
		}
	}
}

// faulty is a manifest of the sample with a fault in its service.
func faulty(manifest []byte, fault string) string {
	return strings.Replace(string(manifest), "          envFrom:", "          env: [{name: FAULT, value: '"+fault+"'}]\n          envFrom:", 1)
}

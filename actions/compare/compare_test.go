package compare

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/platform"
)

const shop = `version: 1
name: shop
services:
  - {name: web, port: 8080, image: {reference: "registry.example.org/web@sha256:0000000000000000000000000000000000000000000000000000000000000000"}}
manifests: {files: [deploy.yaml]}
database: {url: DATABASE_URL, migrations: migrations, migrate: node migrate.js}
environments:
  production: {namespace: shop}
`

const objects = `
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: old}, data: {a: b}}
---
{apiVersion: v1, kind: Secret, metadata: {name: keys}, stringData: {KEY: once-committed}}
`

// tree writes a repository; a change is a pair of texts in its manifests.
func tree(t *testing.T, migrations int, change ...string) string {
	t.Helper()
	dir := t.TempDir()
	var entries []string
	for i, name := range []string{"0000_first", "0001_second"}[:migrations] {
		entries = append(entries, `{"idx": `+string(rune('0'+i))+`, "version": "7", "when": 170000000000`+string(rune('0'+i))+`, "tag": "`+name+`", "breakpoints": true}`)
		write(t, dir, "migrations/"+name+".sql", "CREATE TABLE t"+name+" (id int);")
	}
	write(t, dir, "migrations/meta/_journal.json", `{"version": "7", "dialect": "postgresql", "entries": [`+strings.Join(entries, ",")+`]}`)
	write(t, dir, "slipway.yaml", shop)
	write(t, dir, "deploy.yaml", strings.NewReplacer(change...).Replace(objects))
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestCompare(t *testing.T) {
	for name, tt := range map[string]struct {
		base, head string
		wants      []string
	}{
		"the same": {tree(t, 1), tree(t, 1), []string{"neither manifests nor migrations of production change"}},
		"more pods": {tree(t, 1), tree(t, 1, "replicas: 2", "replicas: 3"), []string{
			"production: 1 object changed, 0 migrations added\n", "~ Deployment/shop/web", "spec.replicas: 2 → 3",
		}},
		"new pods": {tree(t, 1), tree(t, 1, "image: web}", "image: web, env: [{name: A, value: b}]}"), []string{"new pods for web"}},
		"new and gone": {tree(t, 1), tree(t, 1, "name: old", "name: new"), []string{
			"2 objects changed", "+ ConfigMap/shop/new", "- ConfigMap/shop/old",
		}},
		"a secret": {tree(t, 1), tree(t, 1, "once-committed", "and-again"), []string{"~ Secret/shop/keys"}},
		"migration": {tree(t, 1), tree(t, 2), []string{
			"0 objects changed, 1 migration added", "+ migration 0001_second",
		}},
		"first time": {t.TempDir(), tree(t, 2), []string{"+ Deployment/shop/web", "+ migration 0000_first", "new pods for web"}},
	} {
		t.Run(name, func(t *testing.T) {
			summary := filepath.Join(t.TempDir(), "summary.md")
			t.Setenv("GITHUB_STEP_SUMMARY", summary)
			t.Setenv("GITHUB_ACTIONS", "true")
			var out bytes.Buffer
			if err := Run(t.Context(), Options{Flags: environment.Flags{Root: tt.head, Env: "production"}, Base: tt.base}, &out); err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.wants {
				if !strings.Contains(out.String(), want) {
					t.Errorf("it lacks %q:\n%s", want, &out)
				}
			}
			page, err := os.ReadFile(summary)
			if err != nil || !bytes.Contains(page, []byte("## What this does to production")) {
				t.Errorf("%v: %s", err, page)
			}
			for _, secret := range []string{"once-committed", "and-again"} {
				if strings.Contains(out.String()+string(page), secret) {
					t.Errorf("%s is shown", secret)
				}
			}
		})
	}
}

func TestCompareRefuses(t *testing.T) {
	dir := tree(t, 1)
	for name, o := range map[string]Options{
		"no such folder":      {Flags: environment.Flags{Root: dir, Env: "production"}, Base: filepath.Join(dir, "nowhere")},
		"no such environment": {Flags: environment.Flags{Root: dir, Env: "moon"}, Base: dir},
		"no platform":         {Flags: environment.Flags{Root: t.TempDir(), Env: "production"}, Base: dir},
	} {
		var usage *platform.UsageError
		if err := Run(t.Context(), o, new(bytes.Buffer)); !errors.As(err, &usage) || usage.Hint() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A hook of another tool is refused where it is new, and named where it is left
// out; the tree that it is taken out of is compared all the same.
func TestCompareWithHooks(t *testing.T) {
	const hook = "---\n{apiVersion: batch/v1, kind: Job, metadata: {name: cleanup, annotations: {helm.sh/hook: pre-delete}}}\n---\n{apiVersion: v1, kind: Service, metadata: {name: x, namespace: far}}\n"
	with := func(yaml string) string {
		dir := tree(t, 1)
		text, err := os.ReadFile(filepath.Join(dir, "deploy.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, "deploy.yaml", string(text)+"\n"+yaml)
		return dir
	}
	run := func(base, head string) (string, error) {
		var out bytes.Buffer
		err := Run(t.Context(), Options{Flags: environment.Flags{Root: head, Env: "production"}, Base: base}, &out)
		return out.String(), err
	}
	if out, err := run(with(hook), tree(t, 1)); err != nil || !strings.Contains(out, "- Service/shop/x") {
		t.Errorf("taken out: %v\n%s", err, out)
	}
	if _, err := run(tree(t, 1), with(hook)); err == nil || !strings.Contains(err.Error(), "Job/cleanup is marked helm.sh/hook: pre-delete") {
		t.Errorf("added: %v", err)
	}
	head := with("---\n" + strings.Split(hook, "---\n")[1])
	text, err := os.ReadFile(filepath.Join(head, "slipway.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, head, "slipway.yaml", strings.Replace(string(text), "manifests: {", "manifests: {hooks: exclude, ", 1))
	if out, err := run(tree(t, 1), head); err != nil || !strings.Contains(out, "excluded, another tool's hook: Job/cleanup (helm.sh/hook: pre-delete)") {
		t.Errorf("left out: %v\n%s", err, out)
	}
}

package platform

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const small = `version: 1
name: shop
infrastructure:
  postgres: {image: "postgres:17"}
database: {migrate: npm run migrate, migrations: db}
checks:
  test: {run: npm test, needs: [postgres], timeout: 10m}
variables:
  - {name: API_KEY, minLength: 8}
  - {name: SITE, format: url, secret: false}
services:
  - {name: web, port: 8080, path: web, after: [api]}
  - {name: api, port: 8081, path: api, image: {dockerfile: Dockerfile}}
registry: $REGISTRY/shop
manifests: {kustomize: deploy/base}
flows:
  - name: buy
    steps:
      - {path: /carts, body: {id: "${run}", day: 2024-01-31}, capture: {cart: id}}
      - {path: "/carts/${cart}"}
environments:
  staging: {overlay: deploy/staging}
  production:
    kubeconfig: PROD_KUBECONFIG
    context: prod
    namespace: shop
    registry: ghcr.io/shop
    variables: {API_KEY: PROD_API_KEY, DATABASE_URL: PROD_DATABASE_URL}
`

// folder writes files, of which the keys are the paths, and returns its root.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func shop(t *testing.T) string {
	return folder(t, map[string]string{
		File: small, "web/package.json": "{}", "api/Dockerfile": "", "db/0001.sql": "", "deploy/base/kustomization.yaml": "",
		"deploy/staging/kustomization.yaml": "", "package.json": `{"packageManager": "npm@10.9.2+sha512.0a"}`,
	})
}

func TestLoadFillsDefaults(t *testing.T) {
	p, err := Load(shop(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ what, got, want string }{
		{"toolchain image", p.Toolchain.Image, DefaultToolchain},
		{"package manager", p.Toolchain.PackageManager, "npm@10.9.2"},
		{"affected", p.Checks["test"].Affected, "npm test"},
		{"timeout", p.Checks["test"].Timeout.String(), "10m0s"},
		{"variable of postgres", p.Infrastructure["postgres"].Variable, "DATABASE_URL"},
		{"journal", p.Database.Journal, DefaultJournal},
		{"format", p.Variables[0].Format, "string"},
		{"health", p.Services[0].Health, "/health"},
		{"base", p.Services[0].Image.Base, DefaultBase},
		{"command", strings.Join(p.Services[0].Image.Command, " "), "dist/main.js"},
		{"base beside a dockerfile", p.Services[1].Image.Base, ""},
		{"dev", p.Services[0].Dev, "pnpm --filter ./web dev"},
		{"flow's service", p.Flows[0].Service, "api"},
		{"method with a body", p.Flows[0].Steps[0].Method, "POST"},
		{"step's name", p.Flows[0].Steps[1].Name, "GET /carts/${cart}"},
		{"a date in a body", p.Flows[0].Steps[0].Body.(map[string]any)["day"].(string), "2024-01-31"},
		{"namespace", p.Environments["staging"].Namespace, "shop-staging"},
		{"kubeconfig", p.Environments["staging"].Kubeconfig, "KUBECONFIG"},
	} {
		if c.got != c.want {
			t.Errorf("%s is %q, want %q", c.what, c.got, c.want)
		}
	}
	if port := p.Infrastructure["postgres"].Port; port != 5432 {
		t.Errorf("port of postgres is %d", port)
	}
	if !p.Variables[0].IsSecret() || p.Variables[1].IsSecret() {
		t.Error("a variable is secret unless it says no")
	}
}

func TestOrderedPutsAServiceBehindThoseItComesAfter(t *testing.T) {
	p, err := Parse(File, []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range p.Ordered() {
		names = append(names, s.Name)
	}
	if diff := cmp.Diff([]string{"api", "web"}, names); diff != "" {
		t.Error(diff)
	}
	if s, ok := p.Service("api"); !ok || s.Port != 8081 {
		t.Errorf("service api is %+v, %v", s, ok)
	}
	if _, ok := p.Service("apii"); ok {
		t.Error("there is no service apii")
	}
}

func TestLoadComparesWithTheFolder(t *testing.T) {
	root := shop(t)
	outside := t.TempDir()
	for _, err := range []error{
		os.RemoveAll(filepath.Join(root, "web")), os.Symlink(outside, filepath.Join(root, "web")),
		os.Remove(filepath.Join(root, "api/Dockerfile")), os.Remove(filepath.Join(root, "db/0001.sql")),
		os.Remove(filepath.Join(root, "db")), os.WriteFile(filepath.Join(root, "db"), nil, 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(root)
	_, err := Load(".")
	if err == nil {
		t.Fatal("nothing was reported")
	}
	golden(t, filepath.Join(here, "testdata/folder.out"), err.Error()+"\n")
}

// here is the folder of this package, for tests that leave it.
var here, _ = os.Getwd()

func TestFind(t *testing.T) {
	root := folder(t, map[string]string{
		"one/testenv/platform/slipway.yaml": "", "one/node_modules/x/slipway.yaml": "", "one/.cache/slipway.yaml": "", "one/a/b/c/d/slipway.yaml": "",
		"one/ci/testdata/other/slipway.yaml": "", "one/testenv/platform/services/web/main.ts": "", "two/a/slipway.yaml": "", "two/b/slipway.yaml": "", "none/README.md": "",
	})
	at := func(name string) string { return filepath.Join(root, name) }
	for _, c := range []struct{ name, dir, root, note, err string }{
		{name: "here", dir: "two/a", root: "two/a"},
		{name: "above", dir: "one/testenv/platform/services/web", root: "one/testenv/platform"},
		{name: "the only one below", dir: "one", root: "one/testenv/platform", note: "using testenv/platform/slipway.yaml, the only platform below this folder"},
		{name: "several below", dir: "two", err: "several platforms below " + at("two") + ": a, b"},
		{name: "none", dir: "none", err: "no slipway.yaml in " + at("none") + ", above or below it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Find(at(c.dir))
			if c.err != "" {
				if !errors.As(err, new(*UsageError)) || err.Error() != c.err {
					t.Fatalf("got %q, want %q", err, c.err)
				}
				return
			}
			if err != nil || got != at(c.root) || Note(at(c.dir), got) != c.note {
				t.Errorf("got %s, %q, %v", got, Note(at(c.dir), got), err)
			}
		})
	}
}

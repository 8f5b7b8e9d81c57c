package platform

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shell is what a careless user has exported: all of it points to production.
func shell(extra map[string]string) func(string) string {
	values := map[string]string{"KUBECONFIG": "/prod/kubeconfig", "DATABASE_URL": "postgres://prod", "API_KEY": "prod-key", "SITE": "https://prod", "REGISTRY": "prod.io"}
	return func(name string) string {
		if value, ok := extra[name]; ok {
			return value
		}
		return values[name]
	}
}

func parsed(t *testing.T) *Platform {
	t.Helper()
	p, err := Parse(File, []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTargetOfAnEnvironment(t *testing.T) {
	got, err := parsed(t).Target("staging", shell(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := Target{
		Platform: "shop", Environment: "staging", Kubeconfig: "/prod/kubeconfig", Namespace: "shop-staging", Overlay: "deploy/staging", History: 50, Registry: "prod.io/shop",
		Values: map[string]string{"API_KEY": "prod-key", "SITE": "https://prod", "DATABASE_URL": "postgres://prod"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTargetTakesMappedVariablesOnly(t *testing.T) {
	got, err := parsed(t).Target("production", shell(map[string]string{"PROD_KUBECONFIG": "/p", "PROD_API_KEY": "k", "PROD_DATABASE_URL": "postgres://p", "REGISTRY": ""}))
	if err != nil {
		t.Fatal(err)
	}
	want := Target{
		Platform: "shop", Environment: "production", Kubeconfig: "/p", Context: "prod", Namespace: "shop", Overlay: "deploy/base", History: 50, Registry: "ghcr.io/shop",
		Values: map[string]string{"API_KEY": "k", "SITE": "https://prod", "DATABASE_URL": "postgres://p"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// An unset secret is an empty string, which must mean neither the sandbox nor
// the variable of the same name.
func TestTargetNamesEveryMissingVariable(t *testing.T) {
	for _, c := range []struct {
		environment string
		shell       map[string]string
		want, hint  string
	}{
		{"production", map[string]string{"SITE": " "}, "environment production lacks PROD_KUBECONFIG, PROD_API_KEY, SITE, PROD_DATABASE_URL", "export them; in a workflow, check that the secret exists in the environment and is passed as env"},
		{"staging", map[string]string{"REGISTRY": ""}, "environment staging lacks REGISTRY", "export it; in a workflow, check that the secret exists in the environment and is passed as env"},
		{"prodution", nil, `unknown environment "prodution"`, "did you mean production?"},
		{"x", nil, `unknown environment "x"`, "slipway.yaml has production, staging; without --env the sandbox is used"},
	} {
		target, err := parsed(t).Target(c.environment, shell(c.shell))
		var usage *UsageError
		if !errors.As(err, &usage) || usage.Message != c.want || usage.Advice != c.hint {
			t.Errorf("%s: got %+v, %v", c.environment, usage, err)
		}
		if diff := cmp.Diff(Target{}, target); diff != "" {
			t.Errorf("%s: a target beside the error: %s", c.environment, diff)
		}
	}
}

func TestTargetOfTheSandboxIgnoresTheShell(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	text := "# written by testenv up\nKUBECONFIG=/box/kubeconfig\nDATABASE_URL=postgres://box?a=b\nAPI_KEY=box-key\nSLIPWAY_REGISTRY=10.0.0.1:5000\nSLIPWAY_NAMESPACE=teei\nOTHER=x\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DATABASE_URL", "postgres://prod")
	got, err := parsed(t).sandbox(file)
	if err != nil {
		t.Fatal(err)
	}
	want := Target{
		Platform: "shop", Sandbox: true, Kubeconfig: "/box/kubeconfig", Namespace: "teei", Overlay: "deploy/base", Registry: "10.0.0.1:5000/shop",
		Values: map[string]string{"API_KEY": "box-key", "DATABASE_URL": "postgres://box?a=b"}, // SITE: deploy says that it is missing
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSandboxRegistryNamesThePlatformOnce(t *testing.T) {
	for registry, want := range map[string]string{"10.0.0.1:5000": "10.0.0.1:5000/shop", "10.0.0.1:5000/teei": "10.0.0.1:5000/teei/shop", "10.0.0.1:5000/shop": "10.0.0.1:5000/shop"} {
		file := filepath.Join(t.TempDir(), "env")
		if err := os.WriteFile(file, []byte("KUBECONFIG=/k\nSLIPWAY_REGISTRY="+registry+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := parsed(t).sandbox(file); err != nil || got.Registry != want {
			t.Errorf("%s: got %s, %v, want %s", registry, got.Registry, err, want)
		}
	}
}

func TestTargetWithoutSandbox(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(broken, []byte("DATABASE_URL=x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"/nowhere/env": "the sandbox is not up: /nowhere/env does not exist",
		broken:         "the sandbox's " + broken + " lacks KUBECONFIG, SLIPWAY_REGISTRY",
	} {
		_, err := parsed(t).sandbox(file)
		var infrastructure *InfrastructureError
		if !errors.As(err, &infrastructure) || err.Error() != want || infrastructure.Advice == "" {
			t.Errorf("got %v, want %s with a hint", err, want)
		}
	}
}

func TestParseEnv(t *testing.T) {
	for _, c := range []struct {
		text string
		want map[string]string
		err  string
	}{
		{"", map[string]string{}, ""},
		{"A=1\n\n # c\nB=x=y\r\nexport C=\"q q\"\nD='\nE=\n", map[string]string{"A": "1", "B": "x=y", "C": "q q", "D": "'", "E": ""}, ""},
		{"A=1\nhunter2\n", nil, "line 2: expected KEY=VALUE"},
		{"A B=hunter2\n", nil, "line 1: expected KEY=VALUE"},
		{"A=1\nA=hunter2\n", nil, "line 2: A is there twice"},
		{"A=\xff\n", nil, "expected UTF-8"},
	} {
		got, err := parseEnv([]byte(c.text))
		if c.err != "" && (err == nil || err.Error() != c.err) || c.err == "" && err != nil {
			t.Errorf("%q: %v", c.text, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: %s", c.text, diff)
		}
	}
}

// FuzzParseEnv: what was read can be written and read again.
func FuzzParseEnv(f *testing.F) {
	f.Add([]byte("KUBECONFIG=/box/kubeconfig\n# x\nexport A='b'\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		values, err := parseEnv(data)
		if err != nil {
			return
		}
		var text string
		for _, key := range sortedKeys(values) {
			text += key + "=\"" + values[key] + "\"\n"
		}
		again, err := parseEnv([]byte(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if diff := cmp.Diff(values, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

// A workflow that many teams call gives all values in one secret.
func TestBundledVariables(t *testing.T) {
	t.Parallel()
	set := map[string]string{BundleVariable: "# of production\nDATABASE_URL=postgres://bundled\nAPI_KEY='quoted'\n", "API_KEY": "its own"}
	get := Bundled(func(name string) string { return set[name] })
	for name, want := range map[string]string{"DATABASE_URL": "postgres://bundled", "API_KEY": "its own", "NATS_URL": ""} {
		if got := get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	set = map[string]string{BundleVariable: "no assignment"}
	if got := Bundled(func(name string) string { return set[name] })("DATABASE_URL"); got != "" {
		t.Errorf("%q", got)
	}
}

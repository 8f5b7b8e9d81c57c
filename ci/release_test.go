package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teei/slipway/testenv/testenv"
)

// replace changes a file of a repository; what it replaces must be there.
func replace(t *testing.T, root, name, old, text string) {
	t.Helper()
	file := filepath.Join(root, name)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		t.Fatalf("%s has no %q", name, old)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(data), old, text)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Another team's repository, without pnpm, Kustomize or migrations, released
// to an environment by name: first well, then with a service that cannot start.
func TestAnotherTeamsRelease(t *testing.T) {
	testenv.Dagger(t)
	env := testenv.Env(t)
	root := another(t)
	database, namespace := testenv.Database(t), testenv.Namespace(t)
	testenv.Kubectl(t, "--namespace", namespace, "create", "secret", "generic", "helpdesk-env", "--from-literal=DATABASE_URL="+database)
	registry, _, _ := strings.Cut(env["SLIPWAY_REGISTRY"], "/")
	environment := testenv.Environment(t)
	replace(t, root, "slipway.yaml", "staging:", environment+":")
	replace(t, root, "slipway.yaml", "namespace: helpdesk", "namespace: "+namespace)
	replace(t, root, "slipway.yaml", "ghcr.io/helpdesk", registry+"/helpdesk")
	// The sandbox's cluster has no DNS; the variables of Services do as well.
	replace(t, root, "deploy/board.yaml", "http://tickets:4101", "http://$(TICKETS_SERVICE_HOST):4101")
	t.Setenv("STAGING_KUBECONFIG", env["KUBECONFIG"])
	t.Setenv("STAGING_DATABASE_URL", database)

	// A plan changes nothing, and deploy then makes what it says.
	code, output, r := run(t, "images", "plan", "--env", environment, "--root", root)
	if code != exitFine || statuses(r) != "images passed, plan passed" || !strings.Contains(output, "+ Deployment/"+namespace+"/tickets") {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	if there := testenv.Kubectl(t, "--namespace", namespace, "get", "deployments", "--output", "name"); there != "" {
		t.Errorf("the plan made %s", there)
	}
	code, output, r = run(t, "images", "deploy", "--env", environment, "--root", root)
	if code != exitFine {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	var order []string
	for _, s := range r.Services {
		order = append(order, s.Name)
		if !s.Healthy || !strings.Contains(s.Image, "@sha256:") {
			t.Errorf("%+v", s)
		}
	}
	if got := strings.Join(order, " "); got != "tickets board" {
		t.Errorf("released %s, but board comes after tickets", got)
	}
	if password := secretOf(database); strings.Contains(output, password) {
		t.Error("the database's password was printed")
	}
	images := func() string {
		return testenv.Kubectl(t, "--namespace", namespace, "get", "deployments", "--output", "jsonpath={..image}")
	}
	before := images()

	replace(t, root, "deploy/board.yaml", "http://$(TICKETS_SERVICE_HOST):4101", "not a URL")
	replace(t, root, "services/tickets/package.json", `"version": "1.0.0"`, `"version": "1.0.1"`)
	code, output, _ = run(t, "images", "deploy", "--env", environment, "--root", root)
	if code != exitFailed || !strings.Contains(output, "board") {
		t.Errorf("exit code %d\n%s", code, output)
	}
	if after := images(); after != before {
		t.Errorf("runs %s, ran %s", after, before)
	}
}

// secretOf is the password of a URL.
func secretOf(address string) string {
	_, rest, _ := strings.Cut(address, "//")
	login, _, _ := strings.Cut(rest, "@")
	_, password, _ := strings.Cut(login, ":")
	return password
}

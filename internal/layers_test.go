// Package internal_test keeps the imports of this module pointing one way.
package internal_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/teei/slipway/"

// layers from the bottom to the top; a package imports only from layers below
// its own. Packages of one layer do not know each other.
var layers = [][]string{
	{"internal/platform", "internal/action", "internal/crash"},
	{"internal/plan"},
	{"internal/kube", "internal/github", "internal/notify"},
	{"internal/ledger"},
	{"internal/probe"},
	{"internal/gate", "internal/rollout", "internal/database"},
	{"internal/release", "internal/watch", "internal/gatekeeper"},
	{"internal/report"},
	{"internal/publish"},
	{"actions", "ci"},
}

// only names the one package that may import another module.
var only = map[string]string{
	"dagger.io/dagger":                      "ci",
	"k8s.io/client-go/kubernetes":           "internal/kube",
	"k8s.io/client-go/dynamic":              "internal/kube",
	"k8s.io/client-go/rest":                 "internal/kube",
	"github.com/google/go-github/v60":       "internal/github",
	"github.com/sethvargo/go-githubactions": "internal/action",
	"filippo.io/age":                        "internal/database",
}

func TestImportsPointOneWay(t *testing.T) {
	for pkg, imports := range imported(t) {
		from := layer(pkg)
		for _, name := range imports {
			if strings.HasPrefix(name, module) {
				to := layer(strings.TrimPrefix(name, module))
				if from >= 0 && to >= from && !related(pkg, strings.TrimPrefix(name, module)) {
					t.Errorf("%s imports %s, which is not below it", pkg, name)
				}
				if strings.HasPrefix(name, module+"testenv") && !strings.HasPrefix(pkg, "testenv") && !strings.HasSuffix(pkg, "test") {
					t.Errorf("%s imports the sandbox", pkg)
				}
			}
			for other, owner := range only {
				if (name == other || strings.HasPrefix(name, other+"/")) && !same(pkg, owner) {
					t.Errorf("%s imports %s, which only %s may", pkg, name, owner)
				}
			}
		}
	}
}

// layer of a package or of the one it lies in; -1 if it is in none.
func layer(pkg string) int {
	return slices.IndexFunc(layers, func(l []string) bool {
		return slices.ContainsFunc(l, func(name string) bool { return same(pkg, name) })
	})
}

func same(pkg, parent string) bool { return pkg == parent || strings.HasPrefix(pkg, parent+"/") }

// imported lists what each package of the module imports, tests left out.
func imported(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		words := strings.Fields(line)
		all[strings.TrimPrefix(words[0], module)] = words[1:]
	}
	if len(all) < 8 {
		t.Fatalf("go list names only %d packages", len(all))
	}
	return all
}

// related packages belong together: one lies in the other, or both are commands.
func related(a, b string) bool {
	return same(a, b) || same(b, a) || same(a, "actions") && same(b, "actions")
}

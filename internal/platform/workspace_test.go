package platform

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestReadWorkspace(t *testing.T) {
	for _, c := range []struct {
		name     string
		files    map[string]string
		manager  string
		lockfile string
		want     []Package
	}{
		{"pnpm", map[string]string{
			"pnpm-workspace.yaml": "packages:\n  - packages/*\n  - services/**\n  - '!**/fixtures/**'\n  - e2e\n", "pnpm-lock.yaml": "", "package.json": "{}",
			"packages/log/package.json":              `{"name": "@x/log", "scripts": {"test": "vitest"}}`,
			"packages/log/node_modules/package.json": `{"name": "not ours"}`,
			"services/a/b/package.json":              `{"name": "b", "dependencies": {"@x/log": "workspace:*", "pg": "^8"}, "devDependencies": {"alias": "workspace:e2e@^1"}}`,
			"services/a/fixtures/c/package.json":     `{"name": "c"}`,
			"e2e/package.json":                       `{"name": "e2e", "peerDependencies": {"@x/log": "^1.0.0"}}`,
			"other/package.json":                     `{"name": "other"}`,
		}, "pnpm", "pnpm-lock.yaml", []Package{
			{Name: "e2e", Dir: "e2e", Needs: []string{"@x/log"}},
			{Name: "@x/log", Dir: "packages/log", Scripts: map[string]string{"test": "vitest"}},
			{Name: "b", Dir: "services/a/b", Needs: []string{"@x/log", "e2e"}},
		}},
		{"pnpm with braces, and what is left out first", map[string]string{
			"pnpm-workspace.yaml": "packages:\n  - '!**/fixtures/**'\n  - '{packages,libs}/*'\n  - '.config/*'\n  - 'packages/a/fixtures/b'\n", "package.json": "{}",
			"packages/a/package.json": `{"name": "a"}`, "libs/b/package.json": `{"name": "b"}`, "other/c/package.json": `{"name": "c"}`, "packages/a/fixtures/b/package.json": `{"name": "f"}`, ".config/eslint/package.json": `{"name": "e"}`,
		}, "pnpm", "", []Package{{Name: "e", Dir: ".config/eslint"}, {Name: "b", Dir: "libs/b"}, {Name: "a", Dir: "packages/a"}}},
		{"npm", map[string]string{
			"package.json": `{"workspaces": ["./a", "b"]}`, "package-lock.json": "{}", "a/package.json": `{"name": "a", "dependencies": {"b": "*"}}`, "b/package.json": `{}`,
		}, "npm", "package-lock.json", []Package{{Name: "a", Dir: "a"}, {Name: "./b", Dir: "b"}}},
		{"yarn", map[string]string{
			"package.json": `{"workspaces": {"packages": ["p/*"]}, "packageManager": "yarn@4.9.1"}`, "p/a/package.json": `{"name": "a"}`,
		}, "yarn", "", []Package{{Name: "a", Dir: "p/a"}}},
		{"one package", map[string]string{"package.json": `{"name": "only"}`}, "npm", "", []Package{{Name: "only", Dir: "."}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, err := ReadWorkspace(folder(t, c.files))
			if err != nil {
				t.Fatal(err)
			}
			if w.Manager != c.manager || w.Lockfile != c.lockfile {
				t.Errorf("manager %s, lockfile %s", w.Manager, w.Lockfile)
			}
			if diff := cmp.Diff(c.want, w.Packages); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadWorkspaceMistakes(t *testing.T) {
	if _, err := ReadWorkspace(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without package.json: %v", err)
	}
	for want, files := range map[string]map[string]string{
		"two packages are called a: x and y":                    {"package.json": `{"workspaces": ["*"]}`, "x/package.json": `{"name": "a"}`, "y/package.json": `{"name": "a"}`},
		"read x/package.json: unexpected end of JSON input":     {"package.json": `{"workspaces": ["*"]}`, "x/package.json": `{`},
		"read package.json: workspaces is no list of patterns":  {"package.json": `{"workspaces": 3}`},
		"read pnpm-workspace.yaml: yaml: did not find expected": {"package.json": `{}`, "pnpm-workspace.yaml": "packages: ["},
	} {
		var usage *UsageError
		if _, err := ReadWorkspace(folder(t, files)); !errors.As(err, &usage) || !strings.HasPrefix(err.Error(), want) && !strings.Contains(err.Error(), "did not find") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestAffected(t *testing.T) {
	w := &Workspace{Packages: []Package{
		{Name: "log", Dir: "packages/log"}, {Name: "kit", Dir: "packages/kit", Needs: []string{"log"}},
		{Name: "web", Dir: "services/web", Needs: []string{"kit"}}, {Name: "inner", Dir: "services/web/inner"}, {Name: "job", Dir: "services/job"},
	}}
	for _, c := range []struct {
		changed []string
		names   []string
		reason  string
	}{
		{nil, nil, ""},
		{[]string{"services/job/main.ts"}, []string{"job"}, ""},
		{[]string{"packages/log/index.ts", "services/web/x.ts"}, []string{"kit", "log", "web"}, ""},
		{[]string{"services/web/inner/x.ts"}, []string{"inner"}, ""},
		{[]string{"services/jobs/main.ts"}, []string{"inner", "job", "kit", "log", "web"}, "services/jobs/main.ts belongs to no package, so it can reach all of them"},
		{[]string{"services/job/main.ts", "pnpm-lock.yaml"}, []string{"inner", "job", "kit", "log", "web"}, "pnpm-lock.yaml belongs to no package, so it can reach all of them"},
	} {
		names, all, reason := w.Affected(c.changed)
		if diff := cmp.Diff(c.names, names); diff != "" || all != (c.reason != "") || reason != c.reason {
			t.Errorf("%v: %v, %s, %s", c.changed, all, reason, diff)
		}
	}
	var dirs []string
	for _, p := range w.Closure("web") {
		dirs = append(dirs, p.Dir)
	}
	if diff := cmp.Diff([]string{"packages/log", "packages/kit", "services/web"}, dirs); diff != "" {
		t.Error(diff)
	}
}

// A further changed file never takes a package out, and whoever needs an
// affected package is affected.
func TestAffectedOnlyGrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &Workspace{}
		n := rapid.IntRange(1, 12).Draw(t, "packages")
		for i := range n {
			p := Package{Name: fmt.Sprint("p", i), Dir: fmt.Sprintf("%s/p%d", rapid.SampledFrom([]string{"packages", "services", "services/p0"}).Draw(t, "folder"), i)}
			for _, need := range rapid.SliceOfN(rapid.IntRange(0, n-1), 0, 3).Draw(t, "needs") {
				p.Needs = append(p.Needs, fmt.Sprint("p", need)) // cycles too
			}
			w.Packages = append(w.Packages, p)
		}
		file := rapid.Custom(func(t *rapid.T) string {
			if rapid.IntRange(0, 9).Draw(t, "root") == 0 {
				return rapid.SampledFrom([]string{"pnpm-lock.yaml", "README.md", "../x", "packages/gone/x"}).Draw(t, "file")
			}
			return w.Packages[rapid.IntRange(0, n-1).Draw(t, "package")].Dir + "/src/x.ts"
		})
		changed := rapid.SliceOfN(file, 0, 6).Draw(t, "changed")
		before, allBefore, _ := w.Affected(changed)
		after, allAfter, reason := w.Affected(append(slices.Clone(changed), file.Draw(t, "another")))
		if allBefore && !allAfter || allAfter != (reason != "") {
			t.Fatalf("all: %v, then %v because of %q", allBefore, allAfter, reason)
		}
		for _, name := range before {
			if !slices.Contains(after, name) {
				t.Fatalf("%s was in %v and is not in %v", name, before, after)
			}
		}
		for _, p := range w.Packages {
			for _, need := range p.Needs {
				if slices.Contains(after, need) && !slices.Contains(after, p.Name) {
					t.Fatalf("%s needs %s and is not in %v", p.Name, need, after)
				}
			}
		}
	})
}

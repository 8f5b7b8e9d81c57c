package platform

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What files read of another package is an edge, though no lockfile knows it.
func TestCrossings(t *testing.T) {
	const lock = "lockfileVersion: '9.0'\nimporters: {.: {}, packages/kit: {}, packages/mail: {}, packages/web: {}}\n"
	web, all := []string{"kit", "web"}, []string{"kit", "mail", "web"}
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"nothing", map[string]string{"packages/web/src/a.ts": "import '../b.js'; import x from 'kitchen'; // kit\n"}, []string{"kit"}},
		{"a relative import", map[string]string{"packages/web/src/a.ts": "import { x } from '../../kit/src/x.js';\n"}, web},
		{"a name that nothing declares", map[string]string{"packages/web/src/a.ts": "const { x } = require(\"kit/x\");\n"}, web},
		{"a reference of TypeScript", map[string]string{"packages/web/tsconfig.json": "{\n  // all of it\n  \"references\": [{\"path\": \"../kit\"},],\n}\n"}, web},
		{"a name of TypeScript's own", map[string]string{"tsconfig.base.json": "{\"compilerOptions\": {\n // ours\n \"paths\": {\"@mail\": [\"packages/mail/x.ts\"], \"@k/*\": [\"./packages/kit/src/*\"]}}}", "packages/web/a.ts": "import x from '@k/x';\n"}, web},
		{"one that is every package's", map[string]string{"tsconfig.json": `{"compilerOptions": {"baseUrl": "packages", "paths": {"~*": ["*/src"]}}}`, "packages/web/a.ts": "import x from '~kit';\n"}, web},
		{"below the baseUrl", map[string]string{"packages/web/tsconfig.json": `{"compilerOptions": {"baseUrl": "../.."}}`, "packages/web/a.ts": "import x from 'packages/kit/x';\n", "packages/mail/a.ts": "import x from 'packages/kit/x';\n"}, web},
		{"a name of TypeScript that nobody imports", map[string]string{"tsconfig.json": `{"compilerOptions": {"baseUrl": ".", "paths": {"@k/*": ["packages/kit/*"]}}}`, "packages/web/a.ts": "import x from 'lodash';\n"}, []string{"kit"}},
		{"a package in another language", map[string]string{"packages/web/go.mod": "module web\n\nreplace example.org/kit => ../kit\n"}, web},
		{"requirements of Python", map[string]string{"packages/web/requirements.txt": "-e ../kit\n"}, web},
		{"a configuration without an ending", map[string]string{"packages/web/.babelrc": "{extends: '../kit/babel.json'}"}, web},
		{"a script", map[string]string{"packages/web/build.sh": "cp -r ../kit/assets dist/\n"}, web},
		{"all packages", map[string]string{"packages/web/src/a.ts": "glob('../../../packages/*/locales')\n"}, web},
		{"a file of the root on the way", map[string]string{"packages/web/package.json": `{"name": "web", "scripts": {"build": "node ../../tools/build"}}`, "tools/build.ts": "import './more.js';\n", "tools/more.js": "require('../packages/kit/x')\n"}, web},
		{"a tool at the root", map[string]string{"eslint.config.js": "import rules from './packages/kit/rules.js';\n"}, all},
		{"a list of packages at the root", map[string]string{"vitest.config.ts": "projects: ['./packages/kit', './packages/web']\n", "packages/web/package.json": `{"name": "web", "scripts": {"test": "vitest --root ../.."}}`}, []string{"kit"}},
		{"a task of Turborepo", map[string]string{"packages/web/turbo.json": `{"tasks": {"build": {"dependsOn": ["^build", "kit#codegen"]}}}`}, web},
		{"a task of Turborepo at the root", map[string]string{"turbo.json": `{"tasks": {"build": {"dependsOn": ["^build", "kit#codegen"]}}}`}, all},
		{"a task called like a package", map[string]string{"turbo.json": `{"tasks": {"build": {"dependsOn": ["kit"]}}}`}, []string{"kit"}},
		{"a project of Nx", map[string]string{"packages/web/project.json": `{"implicitDependencies": ["kit"]}`}, web},
		{"what was generated", map[string]string{"packages/web/dist/a.js": "// ../../kit/x.js\n"}, []string{"kit"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := linked(t, `"version": "1.0.0"`, "pnpm-lock.yaml", lock, c.files)
			names, _, reason := w.Affected([]string{"packages/kit/x.js"})
			if diff := cmp.Diff(c.want, names); diff != "" {
				t.Errorf("%s\n%s", reason, diff)
			}
		})
	}
}

func TestCrossingByASymbolicLink(t *testing.T) {
	root := folder(t, map[string]string{
		"package.json": "{}", "pnpm-workspace.yaml": "packages: ['*']\n", "pnpm-lock.yaml": "lockfileVersion: '9.0'\nimporters: {kit: {}, web: {}}\n",
		"kit/package.json": `{"name": "kit"}`, "web/package.json": `{"name": "web"}`,
	})
	if err := os.Symlink("../kit/shared", filepath.Join(root, "web/shared")); err != nil {
		t.Fatal(err)
	}
	w, err := ReadWorkspace(root)
	if err != nil {
		t.Fatal(err)
	}
	if names, _, _ := w.Affected([]string{"kit/shared/x.js"}); len(names) != 2 {
		t.Errorf("it reaches %v", names)
	}
}

// What a link leads to outside of the root may have no end.
func TestCrossingsReadFilesAlone(t *testing.T) {
	root := folder(t, map[string]string{
		"package.json": "{}", "pnpm-workspace.yaml": "packages: ['*']\n", "pnpm-lock.yaml": "lockfileVersion: '9.0'\nimporters: {kit: {}, web: {}}\n",
		"kit/package.json": `{"name": "kit"}`, "web/package.json": `{"name": "web"}`,
	})
	for _, name := range []string{"eslint.config.js", "web/turbo.json"} {
		if err := os.Symlink("/dev/zero", filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if w, err := ReadWorkspace(root); err != nil || w.Unknown != "" {
		t.Errorf("%v %+v", err, w)
	}
}

// The sample's services are narrowed as before: a change of one is tried with
// what crosses all of them, and nothing else.
func TestCrossingsOfTheSample(t *testing.T) {
	w, err := ReadWorkspace("../../testenv/platform")
	if err != nil {
		t.Fatal(err)
	}
	names, all, reason := w.Affected([]string{"services/buddy-service/src/main.ts"})
	if diff := cmp.Diff([]string{"@teei/e2e", "buddy-service"}, names); diff != "" || all {
		t.Errorf("all %v %s\n%s", all, reason, diff)
	}
}

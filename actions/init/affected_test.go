package scaffold

import (
	"os"
	"path/filepath"
	"testing"
)

// The command for what a change can reach builds what that needs as well, as
// the whole does, or there is none.
func TestAffectedBy(t *testing.T) {
	for _, c := range []struct {
		manager, rootScript string
		inPackages          bool
		want                string
	}{
		{"pnpm", "", true, "pnpm {filters...} --if-present run build"},
		{"pnpm", "turbo run build", true, "pnpm exec turbo run build {filters}"},
		{"pnpm", "pnpm exec turbo build --concurrency=2", true, "pnpm exec turbo build --concurrency=2 {filters}"},
		{"pnpm", "turbo run build -- --watch=false", true, "pnpm exec turbo run build {filters} -- --watch=false"},
		{"npm", "turbo run build", true, "npx turbo run build {filters}"},
		{"yarn", "turbo build", true, "yarn turbo build {filters}"},
		{"pnpm", "turbo run build --filter=./services/*", true, ""},
		{"pnpm", "turbo run build && node check.js", true, ""},
		{"pnpm", "nx run-many -t build", true, "pnpm exec nx run-many -t build -p {folders}"},
		{"npm", "npx nx run-many --target=build", true, "npx nx run-many --target=build -p {folders}"},
		{"pnpm", "nx run-many -t build -p web", true, ""},
		{"pnpm", "nx affected -t build", true, ""},
		{"pnpm", "pnpm -r build", true, "pnpm {filters...} --if-present run build"},
		{"pnpm", "pnpm --recursive --stream run build", true, "pnpm {filters...} --stream --if-present run build"},
		{"pnpm", "pnpm -r --if-present run build", true, "pnpm {filters...} --if-present run build"},
		{"pnpm", "pnpm -r exec tsc --noEmit", true, "pnpm {filters...} exec tsc --noEmit"},
		{"pnpm", "pnpm -r --filter=web run build", true, ""},
		{"pnpm", "vitest run", true, ""},
		{"pnpm", "lerna run build", true, ""},
		{"pnpm", "turbo run build", false, ""},
		{"npm", "", true, ""},
	} {
		if got := affectedBy(c.manager, c.rootScript, "build", c.inPackages); got != c.want {
			t.Errorf("%s, %q: %q, want %q", c.manager, c.rootScript, got, c.want)
		}
	}
}

// A task at the root reads all packages, and is none of those that changes reach.
func TestRootTasks(t *testing.T) {
	for _, c := range []struct {
		file, text, script string
		want               bool
	}{
		{"turbo.json", `{"tasks": {"//#lint": {}}}`, "turbo run lint", true},
		{"turbo.jsonc", `{"tasks": {"//#lint": {}}}`, "pnpm exec turbo lint", true},
		{"turbo.json", `{"tasks": {"lint": {}}}`, "turbo run lint", false},
		{"turbo.json", `{"tasks": {"//#lint": {}}}`, "pnpm -r lint", false},
		{"project.json", `{"targets": {}}`, "nx run-many -t lint", true},
		{"package.json", `{"nx": {}}`, "npx nx run-many -t lint", true},
		{"package.json", `{"devDependencies": {"nx": "1"}}`, "npx nx run-many -t lint", false},
	} {
		root := t.TempDir()
		if err := os.WriteFile(filepath.Join(root, c.file), []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := rootTasks(files{root: root, all: []string{c.file}}, c.script); got != c.want {
			t.Errorf("%s %s, %q: %v", c.file, c.text, c.script, got)
		}
	}
}

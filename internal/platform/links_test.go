package platform

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A workspace of kit, web, which has it in its node_modules in one way or
// another, and mail, which has not.
func linked(t *testing.T, web, lockfile, lock string, more map[string]string) *Workspace {
	t.Helper()
	files := map[string]string{
		"package.json":               `{"name": "top", "workspaces": ["packages/*"]}`,
		"packages/kit/package.json":  `{"name": "kit", "version": "1.0.0"}`,
		"packages/mail/package.json": `{"name": "mail"}`,
		"packages/web/package.json":  `{"name": "web", ` + web + `}`,
		lockfile:                     lock,
	}
	for name, text := range more {
		files[name] = text
	}
	w, err := ReadWorkspace(folder(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func pnpm9(web, rest string) string {
	return "lockfileVersion: '9.0'\nimporters:\n  .: {}\n  packages/kit: {}\n  packages/mail: {}\n  packages/web:\n    dependencies:\n" + web + rest
}

// What pnpm, npm and Yarn wrote for each form, as far as it matters; with the
// library changed, web has to be tried again, and mail has not.
func TestWhatIsLinkedIsAnEdge(t *testing.T) {
	const k = `"dependencies": {"k": "1"}`
	override := map[string]string{"package.json": `{"workspaces": ["packages/*"], "pnpm": {"overrides": {"plugin>k": "link:./packages/kit"}}}`}
	for _, c := range []struct {
		name, web, lockfile, lock string
		more                      map[string]string
	}{
		{"pnpm: link", `"dependencies": {"k": "link:../kit"}`, "pnpm-lock.yaml", pnpm9("      k: {specifier: 'link:../kit', version: 'link:../kit'}\n", ""), nil},
		{"pnpm: workspace and a path", `"dependencies": {"k": "workspace:../kit"}`, "pnpm-lock.yaml", pnpm9("      k: {specifier: 'workspace:../kit', version: 'link:../kit'}\n", ""), nil},
		{"pnpm: file", `"dependencies": {"k": "file:../kit"}`, "pnpm-lock.yaml",
			pnpm9("      k: {specifier: 'file:../kit', version: 'kit@file:packages/kit(pg@8.0.0)'}\n",
				"packages:\n  kit@file:packages/kit:\n    resolution: {directory: packages/kit, type: directory}\nsnapshots:\n  kit@file:packages/kit(pg@8.0.0): {}\n"), nil},
		{"pnpm: alias", `"dependencies": {"k": "npm:kit@^1"}`, "pnpm-lock.yaml", pnpm9("      k: {specifier: 'npm:kit@^1', version: 'link:../kit'}\n", ""), nil},
		{"pnpm: catalog", `"dependencies": {"k": "catalog:"}`, "pnpm-lock.yaml", pnpm9("      k: {specifier: 'catalog:', version: 'link:../kit'}\n", ""), nil},
		{"pnpm: override", k, "pnpm-lock.yaml", pnpm9("      k: {specifier: 'link:./packages/kit', version: 'link:../kit'}\n", ""), nil},
		{"pnpm: override of what something from elsewhere needs", `"dependencies": {"plugin": "1"}`, "pnpm-lock.yaml",
			pnpm9("      plugin: {specifier: '1', version: 1.0.0(pg@8.0.0)}\n", "packages:\n  plugin@1.0.0: {}\nsnapshots:\n  plugin@1.0.0(pg@8.0.0):\n    dependencies:\n      k: link:packages/kit\n"), override},
		{"pnpm: a document about pnpm first", k, "pnpm-lock.yaml", "---\nlockfileVersion: '9.0'\nimporters:\n  .:\n    packageManagerDependencies: {}\n---\n" + pnpm9("      k: {specifier: '1', version: 'link:../kit'}\n", ""), nil},
		{"pnpm 8", `"dependencies": {"plugin": "1"}`, "pnpm-lock.yaml", "lockfileVersion: '6.0'\nimporters:\n  packages/kit: {}\n  packages/mail: {}\n  packages/web:\n    dependencies:\n      plugin: {specifier: '1', version: 1.0.0}\n" +
			"packages:\n  /plugin@1.0.0:\n    dependencies:\n      k: file:packages/kit\n  file:packages/kit:\n    resolution: {directory: packages/kit, type: directory}\n    name: kit\n", nil},
		{"pnpm 7", `"dependencies": {"plugin": "1"}`, "pnpm-lock.yaml", "lockfileVersion: 5.4\nimporters:\n  packages/kit: {specifiers: {}}\n  packages/mail: {specifiers: {}}\n  packages/web:\n    specifiers: {plugin: '1'}\n    dependencies:\n      plugin: 1.0.0\n" +
			"packages:\n  /plugin/1.0.0:\n    dependencies:\n      k: link:packages/kit\n", nil},
		{"npm: file", `"dependencies": {"k": "file:../kit"}`, "package-lock.json", `{"lockfileVersion": 3, "packages": {"": {}, "packages/kit": {}, "packages/mail": {},
			"packages/web": {"dependencies": {"k": "file:../kit"}}, "node_modules/k": {"resolved": "packages/kit", "link": true}}}`, nil},
		{"npm: override of what something from elsewhere needs", `"dependencies": {"plugin": "1"}`, "package-lock.json", `{"lockfileVersion": 2, "packages": {"": {}, "packages/kit": {}, "packages/mail": {},
			"packages/web": {"dependencies": {"plugin": "1"}}, "node_modules/plugin": {"dependencies": {"k": "1"}}, "node_modules/plugin/node_modules/k": {"resolved": "packages/kit", "link": true}}}`, nil},
		{"Yarn: portal", `"dependencies": {"k": "portal:../kit"}`, "yarn.lock", "__metadata:\n  version: 8\n" + yarnWorkspaces + "\"web@workspace:packages/web\":\n  resolution: \"web@workspace:packages/web\"\n  dependencies:\n    k: \"portal:../kit\"\n" +
			"\"k@portal:../kit::locator=web%40workspace%3Apackages%2Fweb\":\n  resolution: \"kit@portal:../kit::locator=web%40workspace%3Apackages%2Fweb\"\n", nil},
		{"Yarn: resolution of what something from elsewhere needs", `"dependencies": {"plugin": "1"}`, "yarn.lock", "__metadata:\n  version: 8\n" + yarnWorkspaces + "\"web@workspace:packages/web\":\n  resolution: \"web@workspace:packages/web\"\n  dependencies:\n    plugin: \"npm:1\"\n" +
			"\"plugin@npm:1\":\n  resolution: \"plugin@npm:1.0.0\"\n  dependencies:\n    kit: \"npm:^1\"\n", nil},
		{"Yarn 1: link", `"dependencies": {"k": "link:../kit"}`, "yarn.lock", "# yarn lockfile v1\n", nil},
		{"Yarn 1: what something from elsewhere needs", `"dependencies": {"@x/plugin": "1"}`, "yarn.lock", "# yarn lockfile v1\n\n\n\"@x/plugin@1\", \"@x/plugin@^1.0.0\":\n  version \"1.0.0\"\n  dependencies:\n    \"@y/z\" \"^2\"\n    kit \"^1\"\n", nil},
		{"Yarn 1: resolution", k, "yarn.lock", "# yarn lockfile v1\n", map[string]string{"package.json": `{"workspaces": ["packages/*"], "resolutions": {"**/k": "file:./packages/kit"}}`}},
		{"by way of a folder that is no package of the workspace", `"dependencies": {"v": "link:../../vendor/v"}`, "pnpm-lock.yaml", pnpm9("      v: {specifier: 'link:../../vendor/v', version: 'link:../../vendor/v'}\n", ""),
			map[string]string{"vendor/v/package.json": `{"name": "v", "dependencies": {"k": "file:../../packages/kit"}}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := linked(t, c.web, c.lockfile, c.lock, c.more)
			if w.Unknown != "" {
				t.Fatal(w.Unknown)
			}
			names, all, reason := w.Affected([]string{"packages/kit/index.js"})
			if diff := cmp.Diff([]string{"kit", "web"}, names); diff != "" || all {
				t.Errorf("all %v %s\n%s", all, reason, diff)
			}
		})
	}
}

const yarnWorkspaces = "\"kit@workspace:packages/kit, kit@npm:^1\":\n  resolution: \"kit@workspace:packages/kit\"\n\"mail@workspace:packages/mail\":\n  resolution: \"mail@workspace:packages/mail\"\n"

// Where it is not known what packages need, a change can reach them all, and
// each image may be made from all of them.
func TestWhatIsNotKnownNarrowsNothing(t *testing.T) {
	npm := `{"lockfileVersion": 3, "packages": {"": {}, "packages/kit": {}, "packages/mail": {}, "packages/web": {}}}`
	for _, c := range []struct {
		name, lockfile, lock, reason string
		more                         map[string]string
	}{
		{"none", "README.md", "", "there is no lockfile", nil},
		{"damaged", "pnpm-lock.yaml", "importers: [", "pnpm-lock.yaml cannot be read", nil},
		{"of a later version", "pnpm-lock.yaml", "lockfileVersion: '12.0'\n", `pnpm-lock.yaml has a version that is not known here: "12.0"`, nil},
		{"of an old version", "package-lock.json", `{"lockfileVersion": 1}`, "package-lock.json has a version that is not known here: 1", nil},
		{"without a package", "pnpm-lock.yaml", "lockfileVersion: '9.0'\nimporters:\n  .: {}\n  packages/kit: {}\n  packages/mail: {}\n", "pnpm-lock.yaml says nothing of packages/web", nil},
		{"without links, with overrides", "pnpm-lock.yaml", "lockfileVersion: '9.0'\nsettings: {excludeLinksFromLockfile: true}\noverrides: {k: 'link:./packages/kit'}\nimporters: {packages/kit: {}, packages/mail: {}, packages/web: {}}\n", "pnpm-lock.yaml leaves out what is linked", nil},
		{"of another manager", "package-lock.json", npm, "there is no lockfile", map[string]string{"package.json": `{"workspaces": ["packages/*"], "packageManager": "bun@1.2.3"}`}},
		{"with a package in another form", "pnpm-lock.yaml", pnpm9("      {}\n", "  packages/five: {}\n"), "packages/five/package.json5 is not read here", map[string]string{"packages/five/package.json5": "{}"}},
		{"of Yarn, in no known form", "yarn.lock", "a: 1\n", "yarn.lock has a form that is not known here", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := linked(t, `"version": "1.0.0"`, c.lockfile, c.lock, c.more)
			names, all, reason := w.Affected([]string{"packages/kit/index.js"})
			if len(names) != 3 || !all || !strings.HasPrefix(reason, c.reason) || !strings.HasSuffix(reason, ", so each package may need all others") {
				t.Errorf("%v, all %v: %s", names, all, reason)
			}
			if len(w.Closure("web")) != 3 {
				t.Errorf("the image of web is made from %v", w.Closure("web"))
			}
			if names, all, _ := w.Affected(nil); len(names) > 0 || all {
				t.Errorf("nothing changed, and %v are reached", names)
			}
		})
	}
}

// What the root needs can be read by its tools, such as a linter's
// configuration, and be found from any folder below it.
func TestWhatTheRootNeedsReachesAll(t *testing.T) {
	w := linked(t, `"version": "1.0.0"`, "pnpm-lock.yaml", "lockfileVersion: '9.0'\nimporters:\n  .:\n    devDependencies:\n      kit: {specifier: 'workspace:*', version: 'link:packages/kit'}\n  packages/kit: {}\n  packages/mail: {}\n  packages/web: {}\n",
		map[string]string{"package.json": `{"workspaces": ["packages/*"], "devDependencies": {"kit": "workspace:*"}}`})
	if _, all, reason := w.Affected([]string{"packages/kit/index.js"}); !all || reason != "the root needs kit, so it can reach all packages" {
		t.Errorf("all %v: %s", all, reason)
	}
	if names, all, _ := w.Affected([]string{"packages/web/index.js"}); all || len(names) != 1 {
		t.Errorf("all %v: %v", all, names)
	}
	if len(w.Closure("web")) != 2 {
		t.Errorf("the image of web is made from %v", w.Closure("web"))
	}
}

// A folder within a package, linked by another.
func TestLinkToAPartOfAPackage(t *testing.T) {
	w := linked(t, `"dependencies": {"p": "link:../mail/plugin"}`, "pnpm-lock.yaml", pnpm9("      p: {specifier: 'link:../mail/plugin', version: 'link:../mail/plugin'}\n", ""),
		map[string]string{"packages/mail/plugin/package.json": `{"name": "p", "dependencies": {"k": "link:../../kit"}}`})
	for file, want := range map[string][]string{"packages/mail/plugin/x.js": {"mail", "web"}, "packages/kit/x.js": {"kit", "mail", "web"}} {
		if names, _, reason := w.Affected([]string{file}); cmp.Diff(want, names) != "" {
			t.Errorf("%s: %v %s", file, names, reason)
		}
	}
}

func TestWhatAnInstallationCopies(t *testing.T) {
	for lockfile, lock := range map[string]string{
		"pnpm-lock.yaml":    pnpm9("      v: {specifier: 'file:../../v', version: 'v@file:v'}\n      a: {specifier: 'file:../../a.tgz', version: 'file:a.tgz'}\n", "packages:\n  v@file:v:\n    resolution: {directory: v, type: directory}\n  a@file:a.tgz:\n    resolution: {tarball: 'file:a.tgz'}\n"),
		"package-lock.json": `{"lockfileVersion": 3, "packages": {"packages/kit": {}, "packages/mail": {}, "packages/web": {}, "node_modules/v": {"resolved": "file:v"}, "node_modules/a": {"resolved": "file:a.tgz"}}}`,
	} {
		w := linked(t, `"version": "1.0.0"`, lockfile, lock, map[string]string{"package.json": `{"workspaces": ["packages/*"], "pnpm": {"patchedDependencies": {"pg": "packages/web/pg.patch"}}}`})
		if diff := cmp.Diff([]string{"a.tgz", "packages/web/pg.patch", "v"}, w.Copied); diff != "" || w.Unknown != "" {
			t.Errorf("%s: %s %s", lockfile, w.Unknown, diff)
		}
	}
}

// FuzzLinks: whatever a lockfile holds, it is read or refused.
func FuzzLinks(f *testing.F) {
	f.Add([]byte(pnpm9("      k: {version: 'link:../kit'}\n", "packages:\n  k@1:\n    dependencies: {x: 1}\n")))
	f.Add([]byte(`{"lockfileVersion": 3, "packages": {"a/node_modules/b": {"dependencies": {"c": "1"}}}}`))
	f.Add([]byte("__metadata: {}\n\"a@npm:1, @b/c@^2\": {resolution: 'a@file:x#y::locator=%40'}\n"))
	f.Add([]byte("# yarn lockfile v1\n\"a@1\":\n  dependencies:\n    b c\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, read := range []func([]byte) (*links, error){pnpmLinks, npmLinks, yarnLinks} {
			if l, err := read(data); err == nil {
				l.reached(".", func(string) (string, bool) { return "", false })
			}
		}
	})
}

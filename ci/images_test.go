package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/testenv/testenv"
)

// workspace is a small pnpm platform: two services, one of which needs a package.
func workspace(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	const build = `"scripts":{"build":"mkdir -p dist && cp src/*.js dist/"},"files":["dist"]`
	for name, text := range map[string]string{
		"slipway.yaml": `version: 1
name: little
services:
  - {name: web, port: 8080, path: services/web}
  - {name: mail, port: 8081, path: services/mail}
manifests: {command: "true"}
`,
		"package.json":        `{"name":"little","private":true,"packageManager":"pnpm@10.34.8"}`,
		"pnpm-workspace.yaml": "packages: ['packages/*', 'services/*']\ninjectWorkspacePackages: true\n",
		"pnpm-lock.yaml": `lockfileVersion: '9.0'

settings:
  autoInstallPeers: true
  excludeLinksFromLockfile: false
  injectWorkspacePackages: true

importers:

  .: {}

  packages/kit: {}

  services/mail: {}

  services/web:
    dependencies:
      kit:
        specifier: workspace:*
        version: link:../../packages/kit
`,
		"packages/kit/package.json":  `{"name":"kit","version":"1.0.0",` + build + `}`,
		"packages/kit/src/index.js":  "export const kit = 1;\n",
		"services/web/package.json":  `{"name":"web","version":"1.0.0",` + build + `,"dependencies":{"kit":"workspace:*"}}`,
		"services/web/src/main.js":   "import 'kit';\n",
		"services/mail/package.json": `{"name":"mail","version":"1.0.0",` + build + `}`,
		"services/mail/src/main.js":  "console.log('mail');\n",
	} {
		write(t, root, name, text)
	}
	return root
}

// The same source makes the same digest, with nothing left in any cache; and
// only what an image is made from changes it.
func TestSameSourceSameDigest(t *testing.T) {
	testenv.Dagger(t)
	root := workspace(t)
	digests := func(flags ...string) map[string]string {
		t.Helper()
		t.Setenv("XDG_CACHE_HOME", t.TempDir()) // where base images are kept
		code, output, r := run(t, append([]string{"images", "--root", root}, flags...)...)
		if code != exitFine || len(r.Images) != 2 {
			t.Fatalf("exit code %d\n%s", code, output)
		}
		found := map[string]string{}
		for _, i := range r.Images {
			found[i.Service] = i.Digest
		}
		return found
	}
	first := digests()
	if second := digests("--no-cache"); second["web"] != first["web"] || second["mail"] != first["mail"] {
		t.Errorf("%v, then from empty caches %v", first, second)
	}
	write(t, root, "services/mail/src/main.js", "console.log('more mail');\n")
	write(t, root, "README.md", "# Little\n")
	third := digests()
	if third["web"] != first["web"] {
		t.Error("a change in mail altered the image of web")
	}
	if third["mail"] == first["mail"] {
		t.Error("a change in mail did not alter its image")
	}
	write(t, root, "packages/kit/src/index.js", "export const kit = 2;\n")
	if fourth := digests(); fourth["web"] == first["web"] || fourth["mail"] != third["mail"] {
		t.Errorf("a change in kit, which web needs, turned %v into %v", third, fourth)
	}
}

// Commands of a Dockerfile run again with --no-cache, and nothing in the image
// tells of it.
func TestDockerfileWithoutCache(t *testing.T) {
	t.Parallel()
	c := tiny(t)
	replace(t, c.root, "Dockerfile", "USER", "RUN head -c 16 /dev/urandom | sha256sum > /srv/chance\nUSER")
	digest := func(flags ...string) string {
		t.Helper()
		code, output, r := c.launch(t, append([]string{"images"}, flags...)...).ends(2 * time.Minute)
		if code != exitFine || len(r.Images) != 1 {
			t.Fatalf("exit code %d\n%s", code, output)
		}
		return r.Images[0].Digest
	}
	first, again := digest(), digest()
	if again != first { // an engine that is busy with others may lose a result, but not again
		first, again = again, digest()
	}
	anew := digest("--no-cache")
	if again != first {
		t.Errorf("%s, then %s without a change", first, again)
	}
	if anew == again {
		t.Error("--no-cache took the image from a cache")
	}
	if found := contents(t, c.registry+"/web@"+anew); bytes.Contains(found, []byte("SLIPWAY_RUN")) {
		t.Errorf("the image tells of the run it was made in:\n%.2000s", found)
	}
}

func TestAPackageThatDoesNotBuild(t *testing.T) {
	testenv.Dagger(t)
	root := workspace(t)
	replace(t, root, "services/mail/package.json", "mkdir -p dist && cp src/*.js dist/", "echo no such luck; exit 3")
	code, output, r := run(t, "images", "--root", root)
	if code != exitFailed || !strings.Contains(output, "no such luck") || !strings.Contains(output, "image of mail") {
		t.Errorf("exit code %d\n%s", code, output)
	}
	for _, s := range r.Stages {
		if s.Status != report.Failed {
			t.Errorf("%s %s", s.Name, s.Status)
		}
	}
}

// Whatever git has, a build can read: documents, tests, what lies beside the
// manifests, a library that is linked, a .env. And an image that lacks what its
// command runs is not pushed.
func TestImagesHaveTheirFiles(t *testing.T) {
	t.Parallel()
	root := workspace(t)
	write(t, root, "services/web/package.json", `{"name":"web","version":"1.0.0","files":["dist"],"dependencies":{"k":"link:../../packages/kit"},
		"scripts":{"build":"mkdir -p dist && cp src/*.js src/a.spec.ts src/help.md ../../deploy/mail.html ../../README.md dist/ && cp node_modules/k/src/index.js dist/kit.js"}}`)
	replace(t, root, "pnpm-lock.yaml", "      kit:\n        specifier: workspace:*\n        version: link:../../packages/kit\n", "      k:\n        specifier: link:../../packages/kit\n        version: link:../../packages/kit\n")
	replace(t, root, "slipway.yaml", `manifests: {command: "true"}`, "  - {name: old, port: 8082, path: old, image: {dockerfile: Dockerfile}}\nmanifests: {kustomize: deploy/base}")
	for _, name := range []string{"services/web/src/a.spec.ts", "services/web/src/help.md", "deploy/mail.html", "deploy/base/kustomization.yaml", "README.md", "old/.env"} {
		write(t, root, name, "# "+name+"\n")
	}
	write(t, root, "old/Dockerfile", "FROM node:22-bookworm-slim\nWORKDIR /srv\nCOPY . .\nUSER 1000:1000\nCMD [\"node\", \"--env-file=.env\", \"main.js\"]\n")
	write(t, root, "old/main.js", "")
	write(t, root, ".gitignore", ".env\n")
	branchless(t, root)("add", "--force", "old/.env")

	code, output, r := launch(t, nil, "images", "--root", root).ends(3 * time.Minute)
	if code != exitFine || len(r.Images) != 3 {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	for _, i := range r.Images {
		want := map[string][]string{"web": {"app/dist/a.spec.ts", "app/dist/help.md", "app/dist/mail.html", "app/dist/README.md", "app/dist/kit.js", "app/node_modules/k"}, "old": {"srv/.env"}}[i.Service]
		found := ownFiles(t, testenv.Env(t)["SLIPWAY_REGISTRY"]+"/"+r.Platform+"/"+i.Service+"@"+i.Digest)
		for _, name := range want {
			if !slices.ContainsFunc(found, func(f string) bool {
				return f == name || strings.HasSuffix(f, "/node_modules/kit/src/index.js") && name == "app/node_modules/k"
			}) {
				t.Errorf("the image of %s lacks %s, it has %q", i.Service, name, found)
			}
		}
	}

	replace(t, root, "services/mail/package.json", "cp src/*.js dist/", "cp src/main.js dist/index.js")
	replace(t, root, "old/Dockerfile", "main.js", "server.js")
	code, output, r = launch(t, nil, "images", "--root", root).ends(3 * time.Minute)
	if code != exitFailed || len(r.Images) != 1 || !strings.Contains(output, "image of mail: its command \"/nodejs/bin/node dist/main.js\" needs /app/dist/main.js, which is not in it; /app/dist has index.js") {
		t.Errorf("exit code %d, %d images\n%s", code, len(r.Images), output)
	}
}

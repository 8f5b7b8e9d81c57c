package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/platform"
)

// repository makes a workspace of three packages, in which web needs kit, with
// one commit on main and a branch on top.
func repository(t *testing.T) (root string, git func(args ...string)) {
	t.Helper()
	root = t.TempDir()
	for name, text := range map[string]string{
		"package.json":               `{"name":"top","private":true}`,
		"pnpm-workspace.yaml":        "packages: ['packages/*']\n",
		"pnpm-lock.yaml":             "lockfileVersion: '9.0'\nimporters: {packages/kit: {}, packages/web: {}, packages/mail: {}}\n",
		"packages/kit/package.json":  `{"name":"kit"}`,
		"packages/web/package.json":  `{"name":"web","dependencies":{"kit":"workspace:*"}}`,
		"packages/mail/package.json": `{"name":"mail"}`,
	} {
		write(t, root, name, text)
	}
	return root, branch(t, root)
}

// branchless puts a folder under git, with nothing in it.
func branchless(t *testing.T, root string) (git func(args ...string)) {
	t.Helper()
	git = func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.org", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.org")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	git("init", "--quiet", "--initial-branch=main")
	return git
}

// branch puts a folder under git: one commit on main, and a branch on top.
func branch(t *testing.T, root string) (git func(args ...string)) {
	t.Helper()
	git = branchless(t, root)
	git("add", ".")
	git("commit", "--quiet", "--message=first")
	git("checkout", "--quiet", "-b", "work")
	return git
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	file := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReach(t *testing.T) {
	check := platform.Check{Run: "pnpm test", Affected: "pnpm {filters} run test"}
	for _, c := range []struct {
		name    string
		change  func(t *testing.T, root string, git func(...string))
		base    string
		command string
	}{
		{"nothing", func(*testing.T, string, func(...string)) {}, autoBase, ""},
		{"a package and what needs it", func(t *testing.T, root string, _ func(...string)) { write(t, root, "packages/kit/index.js", "1") }, autoBase, "pnpm --filter=kit --filter=web run test"},
		{"committed", func(t *testing.T, root string, git func(...string)) {
			write(t, root, "packages/mail/index.js", "1")
			git("add", ".")
			git("commit", "--quiet", "--message=second")
		}, "main", "pnpm --filter=mail run test"},
		{"the lockfile", func(t *testing.T, root string, _ func(...string)) { write(t, root, "pnpm-lock.yaml", "x: 1\n") }, autoBase, "pnpm test"},
		{"a branch named like a flag", func(t *testing.T, root string, git func(...string)) {
			git("update-ref", "refs/heads/--output=stolen", "HEAD")
			write(t, root, "packages/web/index.js", "1")
		}, "--output=stolen", "pnpm --filter=web run test"},
		{"no base", func(t *testing.T, _ string, git func(...string)) { git("branch", "--quiet", "-D", "main") }, autoBase, "pnpm test"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("GITHUB_BASE_REF", "")
			root, git := repository(t)
			c.change(t, root, git)
			r, err := findReach(t.Context(), root, c.base)
			if err != nil {
				t.Fatal(err)
			}
			if command, _ := r.command(check); command != c.command {
				t.Errorf("runs %q, want %q (%+v)", command, c.command, r)
			}
			if _, err := os.Stat(filepath.Join(root, "stolen")); err == nil {
				t.Error("git took the branch for a flag")
			}
		})
	}
}

// {filters...} are also those that the reached ones need: nothing else builds them.
func TestReachWithWhatItNeeds(t *testing.T) {
	root, _ := repository(t)
	write(t, root, "packages/web/index.js", "1")
	r, err := findReach(t.Context(), root, "main")
	if err != nil {
		t.Fatal(err)
	}
	if command, _ := r.command(platform.Check{Affected: "pnpm {filters...} build {folders} {filters}"}); command != "pnpm --filter=kit --filter=web build packages/web --filter=web" {
		t.Error(command)
	}
}

func TestReachOfAnUnknownBase(t *testing.T) {
	root, _ := repository(t)
	for _, base := range []string{"nowhere", "--help", "$(touch x)", "HEAD; ls"} {
		_, err := findReach(t.Context(), root, base)
		var usage *platform.UsageError
		if !errors.As(err, &usage) || hint(err) == "" {
			t.Errorf("%s: %v", base, err)
		}
	}
}

func TestReachOutsideGit(t *testing.T) {
	root := t.TempDir()
	write(t, root, "package.json", `{"name":"alone"}`)
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(root))
	if _, err := findReach(t.Context(), root, "main"); exitCode(err) != exitUsage {
		t.Errorf("%v", err)
	}
}

// An image is made from its package and what that needs, and from all that is
// no package: documents, tests, manifests, whatever a build may read.
func TestStrangers(t *testing.T) {
	root, _ := repository(t)
	write(t, root, "packages/mail/inner/package.json", `{"name":"inner"}`)
	write(t, root, "packages/web/package.json", `{"name":"web","dependencies":{"kit":"workspace:*","in":"link:../mail/inner"}}`)
	write(t, root, "packages/far/package.json", `{"name":"far"}`)
	write(t, root, "pnpm-workspace.yaml", "packages: ['packages/*', 'packages/mail/inner']\n")
	write(t, root, "pnpm-lock.yaml", "lockfileVersion: '9.0'\nimporters: {packages/kit: {}, packages/web: {}, packages/mail: {}, packages/mail/inner: {}, packages/far: {}}\n")
	workspace, err := platform.ReadWorkspace(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"web": {"packages/far"}, "inner": {"packages/far", "packages/kit", "packages/web"}} {
		if got := strangers(workspace, name); !slices.Equal(got, want) {
			t.Errorf("%s is made without %q, want %q", name, got, want)
		}
	}
}

// In a folder of a repository, a person's configuration of git hides no change.
func TestReachWhateverIsConfigured(t *testing.T) {
	top := t.TempDir()
	root := filepath.Join(top, "platform")
	write(t, root, "package.json", `{"private":true}`)
	write(t, root, "pnpm-workspace.yaml", "packages: ['packages/*']\n")
	write(t, root, "pnpm-lock.yaml", "lockfileVersion: '9.0'\nimporters: {packages/kit: {}, packages/web: {}}\n")
	write(t, root, "packages/kit/package.json", `{"name":"kit"}`)
	write(t, root, "packages/web/package.json", `{"name":"web"}`)
	git := branch(t, top)
	git("config", "diff.relative", "true")
	write(t, root, "packages/kit/package.json", `{"name":"kit","version":"2.0.0"}`)
	r, err := findReach(t.Context(), root, "main")
	if err != nil || !slices.Equal(r.packages, []string{"kit"}) {
		t.Errorf("%v, %v", r.packages, err)
	}
}

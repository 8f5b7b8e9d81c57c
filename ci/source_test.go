package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/patternmatcher"
)

// uploaded are those of the files that the patterns leave.
func uploaded(t *testing.T, patterns, files []string) (left []string) {
	t.Helper()
	m, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if out, err := m.MatchesOrParentMatches(file); err != nil {
			t.Fatal(err)
		} else if !out {
			left = append(left, file)
		}
	}
	return left
}

// What git ignores is left out, and nothing else: not what git has all the same,
// nor what is new, whatever it is called. The same goes for the context of a
// Dockerfile, but for what Docker is to ignore.
func TestUploaded(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	kept := []string{
		"README.md", "web/src/a.spec.ts", "web/locales/en.md", "deploy/base/web.yaml", "deploy/templates/mail.html", "slipway.yaml", ".github/CODEOWNERS",
		"web/.env", "web/dist/kept.js", "web/new/dist/new.js", "test/node_modules/fake/index.js", "odd/[a] !b.js", "odd/keep.log",
	}
	left := []string{
		"node_modules/x/index.js", "web/node_modules/x/index.js", "web/dist/made.js", "web/coverage/index.html", ".env", "sub/.env", "sub/deep.secret", "odd/x.log", "odd/[x].log",
		".git/config", ".slipway/report.json", "out/report.json", "new/node_modules/x.js", "new/.env.local",
	}
	for _, file := range slices.Concat(kept, left) {
		if file != ".git/config" {
			write(t, root, file, "")
		}
	}
	write(t, root, ".gitignore", "/node_modules\n/web/node_modules\n/web/dist/\ncoverage\n/.env\n/sub/.env\n*.log\n!keep.log\n")
	write(t, root, "sub/.gitignore", "*.secret\n")
	write(t, root, "web/Dockerfile.dockerignore", "*.md\nweb/src\n")
	git := branchless(t, root)
	git("add", ".gitignore", "README.md", "deploy", "odd/[[]a[]] !b.js", "web/src")
	git("add", "--force", "web/.env", "web/dist/kept.js", "test/node_modules")
	out := filepath.Join(root, "out")
	files := slices.Concat(kept, left)
	if got := uploaded(t, excludes(root, out), files); !slices.Equal(got, kept) {
		t.Errorf("uploaded are %q\nwant         %q", got, kept)
	}
	context, err := contextExcludes(root, filepath.Join(root, "web/Dockerfile"), out)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(slices.Clone(kept), func(file string) bool { return file == "README.md" || file == "web/src/a.spec.ts" })
	if got := uploaded(t, context, files); !slices.Equal(got, want) {
		t.Errorf("in the context are %q\nwant               %q", got, want)
	}
	// In the folder of a service, git's rules of the folders above count too.
	if got, want := uploaded(t, excludes(filepath.Join(root, "web"), out), []string{".env", "dist/kept.js", "dist/made.js", "node_modules/x"}), []string{".env", "dist/kept.js"}; !slices.Equal(got, want) {
		t.Errorf("of web %q are uploaded, want %q", got, want)
	}
}

// Without git, and where git ignores the folder as a whole, what tools make is
// known by its name; and Docker's own file counts for a context alone.
func TestUploadedWithoutGit(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, root, ".gitignore", "/work\n")
	write(t, root, "work/.dockerignore", "# comment\n*\n!/src\n!/dist\n")
	branchless(t, root)
	at := filepath.Join(root, "work")
	files := []string{"src/main.js", "test/main.test.js", "dist/main.js", "a/tsconfig.tsbuildinfo", ".env", "src/node_modules/x", "src/.git"}
	if got, want := uploaded(t, excludes(at, "/elsewhere"), files), files[:2]; !slices.Equal(got, want) {
		t.Errorf("%q are uploaded, want %q", got, want)
	}
	context, err := contextExcludes(at, filepath.Join(at, "Dockerfile"), "/elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := uploaded(t, context, files), []string{"src/main.js", "dist/main.js"}; !slices.Equal(got, want) {
		t.Errorf("in the context are %q, want %q", got, want)
	}
}

// What a repository within the repository ignores is left out too: a submodule, and
// one that was cloned there. So it is where a hook of git runs this.
func TestUploadedOfRepositoriesWithin(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"other", "sub", "cloned"} {
		write(t, root, dir+"/.gitignore", "*.secret\n")
		write(t, root, dir+"/kept.js", "")
	}
	other := branchless(t, filepath.Join(root, "other"))
	other("add", ".")
	other("commit", "--quiet", "--message=first")
	branchless(t, filepath.Join(root, "cloned"))
	git := branchless(t, root)
	write(t, root, ".gitignore", "/other\n/new\n blank.secret\n")
	git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "--force", "./other/.git", "lib/sub")
	kept := []string{"cloned/kept.js", "lib/sub/kept.js", "a.secret"}
	left := []string{"cloned/x.secret", "lib/sub/x.secret", "new/x.js", " blank.secret"}
	for _, file := range append(slices.Clone(left), kept...) {
		write(t, root, file, "")
	}
	t.Setenv("GIT_DIR", filepath.Join(root, ".git"))
	if got := uploaded(t, excludes(root, "/elsewhere"), append(slices.Clone(left), kept...)); !slices.Equal(got, kept) {
		t.Errorf("uploaded are %q, want %q", got, kept)
	}
	if got, want := uploaded(t, excludes(filepath.Join(root, "lib"), "/elsewhere"), []string{"sub/x.secret", "sub/kept.js"}), []string{"sub/kept.js"}; !slices.Equal(got, want) {
		t.Errorf("of lib %q are uploaded, want %q", got, want)
	}
}

// Where git does not trust a repository, what it ignores is not guessed.
func TestUntrustedRepositoryIsRefused(t *testing.T) {
	root := t.TempDir()
	branchless(t, root)
	if err := gitReads(t.Context(), root); err != nil {
		t.Error(err)
	}
	if err := gitReads(t.Context(), t.TempDir()); err != nil {
		t.Error("without git:", err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", "/dev/null")
	t.Setenv("GIT_CONFIG_SYSTEM", "/dev/null")
	t.Setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
	if err := gitReads(t.Context(), root); exitCode(err) != exitInfrastructure || !strings.Contains(hint(err), "`git config --global --add safe.directory "+root+"`") {
		t.Errorf("%v: %s", err, hint(err))
	}
}

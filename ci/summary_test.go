package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/report"
)

// What a change can reach is checked and nothing else, and a workflow's summary
// tells of it.
func TestAffectedOnTheEngine(t *testing.T) {
	t.Parallel()
	root := workspace(t)
	replace(t, root, "slipway.yaml", "services:\n", "checks:\n  test: {run: pnpm -r run test, affected: 'pnpm {filters} run test'}\nservices:\n")
	for _, name := range []string{"packages/kit", "services/web", "services/mail"} {
		replace(t, root, name+"/package.json", `"scripts":{`, `"scripts":{"test":"echo testing `+filepath.Base(name)+`",`)
	}
	write(t, root, ".gitignore", ".slipway\n")
	git := branch(t, root)
	tested := func(want string) {
		t.Helper()
		summary := filepath.Join(t.TempDir(), "summary.md")
		code, output, r := launch(t, []string{"GITHUB_STEP_SUMMARY=" + summary}, "test", "--affected", "--root", root).ends(2 * time.Minute)
		if code != exitFine || len(r.Stages) != 1 {
			t.Fatalf("exit code %d\n%s", code, output)
		}
		if head, err := exec.Command("git", "-C", root, "rev-parse", "HEAD").Output(); err != nil || r.Commit != strings.TrimSpace(string(head)) {
			t.Errorf("the report is of commit %q, not of %s, %v", r.Commit, head, err)
		}
		var got []string
		if r.Stages[0].Status == report.Passed {
			log, err := os.ReadFile(r.Stages[0].Log)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"kit", "web", "mail"} {
				if strings.Contains(string(log), "\ntesting "+name+"\n") || strings.Contains(string(log), ": testing "+name+"\n") {
					got = append(got, name)
				}
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("tested %q, want %q\n%s", got, want, output)
		}
		told, err := os.ReadFile(summary)
		if err != nil || !regexp.MustCompile(`(?m)^\| test \| .* `+string(r.Stages[0].Status)).Match(told) {
			t.Errorf("the summary says %q, %v", told, err)
		}
	}
	tested("")
	write(t, root, "services/mail/src/main.js", "console.log('more mail');\n")
	tested("mail")
	git("add", ".")
	git("commit", "--quiet", "--message=second")
	write(t, root, "packages/kit/src/index.js", "export const kit = 2;\n")
	tested("kit web mail")
	git("checkout", "--quiet", "HEAD~1", "--", "services/mail")
	tested("kit web")
}

// `go run …/ci@VERSION` refuses a module that replaces or excludes others.
func TestRunsFromOtherModules(t *testing.T) {
	out, err := exec.Command("go", "mod", "edit", "-json", "../go.mod").Output()
	if err != nil {
		t.Fatal(err)
	}
	if text := string(out); strings.Contains(text, `"Replace": [`) || strings.Contains(text, `"Exclude": [`) || !strings.Contains(text, `"Replace": null`) {
		t.Errorf("go.mod:\n%s", text)
	}
}

// After one pass a change runs what it can reach: what is linked by whatever
// name counts, and what the reached ones need is built for them.
func TestALinkedLibraryOnTheEngine(t *testing.T) {
	t.Parallel()
	root := workspace(t)
	replace(t, root, "slipway.yaml", "services:\n", "checks:\n  build: {run: pnpm -r run build, affected: 'pnpm {filters...} --if-present run build'}\nservices:\n")
	write(t, root, "services/web/package.json", `{"name":"web","version":"1.0.0","dependencies":{"k":"link:../../packages/kit"},"scripts":{"build":"node node_modules/k/dist/index.js"}}`)
	replace(t, root, "pnpm-lock.yaml", "      kit:\n        specifier: workspace:*\n        version: link:../../packages/kit\n", "      k:\n        specifier: link:../../packages/kit\n        version: link:../../packages/kit\n")
	write(t, root, "packages/kit/src/index.js", "exports.kit = 1;\n")
	built := func(want int, reaches string) {
		t.Helper()
		code, output, r := launch(t, nil, "build", "--root", root).ends(2 * time.Minute)
		if code != want || len(r.Stages) != 1 || !strings.HasSuffix(r.Stages[0].Note, reaches) {
			t.Fatalf("exit code %d, want %d; %+v\n%s", code, want, r.Stages, output)
		}
	}
	built(exitFine, "")
	write(t, root, "services/web/src/main.js", "1;\n")
	built(exitFine, "changes since it passed here reach web")
	write(t, root, "packages/kit/src/index.js", "throw new Error('broken');\n")
	built(exitFailed, "changes since it passed here reach kit, web")
}

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/report"
)

// A check that fails is shown beside its line: GitHub names files from the top of
// the repository, wherever slipway.yaml lies in it.
// It is printed for the runner by a process of its own.
func TestAnnotations(t *testing.T) {
	failed := report.Report{Stages: []report.Stage{
		{Name: "test", Status: report.Passed, Places: []report.Place{{File: "a.ts", Line: 1, Text: "it passed"}}},
		{Name: "lint", Status: report.Failed, Places: []report.Place{
			{File: "services/web/main.ts", Line: 12, Column: 5, Text: "50 % of it, and\n::warning::more"},
			{File: "b.ts", Line: 3, Text: "no column"},
		}},
	}}
	if root := os.Getenv("ANNOTATED_ROOT"); root != "" {
		(&cli{options: Options{Root: root}, getenv: os.Getenv}).annotate(failed)
		return
	}
	t.Parallel()
	workspace := t.TempDir()
	for name, tt := range map[string]struct{ workspace, root, want string }{
		"at the top":         {workspace, workspace, "::error col=5,file=services/web/main.ts,line=12,title=lint::50 %25 of it, and%0A::warning::more\n::error file=b.ts,line=3,title=lint::no column\n"},
		"in a folder":        {workspace, filepath.Join(workspace, "deploy", "platform"), "::error col=5,file=deploy/platform/services/web/main.ts,line=12,title=lint::50 %25 of it, and%0A::warning::more\n::error file=deploy/platform/b.ts,line=3,title=lint::no column\n"},
		"outside a workflow": {"", workspace, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAnnotations$")
			cmd.Env = append(os.Environ(), "ANNOTATED_ROOT="+tt.root, "GITHUB_WORKSPACE="+tt.workspace, "GITHUB_ACTIONS="+map[bool]string{true: "true"}[tt.workspace != ""])
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSuffix(string(out), "PASS\n"); got != tt.want {
				t.Errorf("%q\nwant\n%q", got, tt.want)
			}
		})
	}
}

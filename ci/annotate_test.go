package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/teei/slipway/internal/report"
)

// A check that fails is shown beside its line: GitHub names files from the top of
// the repository, wherever slipway.yaml lies in it.
func TestAnnotations(t *testing.T) {
	workspace := t.TempDir()
	failed := report.Report{Stages: []report.Stage{
		{Name: "test", Status: report.Passed, Places: []report.Place{{File: "a.ts", Line: 1, Text: "it passed"}}},
		{Name: "lint", Status: report.Failed, Places: []report.Place{
			{File: "services/web/main.ts", Line: 12, Column: 5, Text: "50 % of it, and\n::warning::more"},
			{File: "b.ts", Line: 3, Text: "no column"},
		}},
	}}
	for name, tt := range map[string]struct{ workspace, root, want string }{
		"at the top":         {workspace, workspace, "::error col=5,file=services/web/main.ts,line=12,title=lint::50 %25 of it, and%0A::warning::more\n::error file=b.ts,line=3,title=lint::no column\n"},
		"in a folder":        {workspace, filepath.Join(workspace, "deploy", "platform"), "::error col=5,file=deploy/platform/services/web/main.ts,line=12,title=lint::50 %25 of it, and%0A::warning::more\n::error file=deploy/platform/b.ts,line=3,title=lint::no column\n"},
		"outside a workflow": {"", workspace, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GITHUB_ACTIONS", map[bool]string{true: "true"}[tt.workspace != ""])
			c := &cli{options: Options{Root: tt.root}, getenv: func(string) string { return tt.workspace }}
			if got := onStdout(t, func() { c.annotate(failed) }); got != tt.want {
				t.Errorf("%q\nwant\n%q", got, tt.want)
			}
		})
	}
}

// onStdout is what a function prints for the runner.
func onStdout(t *testing.T, do func()) string {
	t.Helper()
	out, err := os.CreateTemp(t.TempDir(), "stdout")
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = out
	do()
	os.Stdout = stdout
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

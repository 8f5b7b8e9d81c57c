package checks

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/testenv"
)

var sha = strings.Repeat("a", 40)

// GitHub knows afterwards of each check that ran, whether it passed, and where it
// failed; of one that was skipped it knows nothing.
func TestChecks(t *testing.T) {
	hub := testenv.GitHub(t, github.New("acme/platform"))
	file := filepath.Join(t.TempDir(), "report.json")
	stages := []report.Stage{
		{Name: "test", Status: report.Passed, Seconds: 12},
		{Name: "lint", Status: report.Failed, Error: "lint failed with exit code 1", Repeat: "ci lint", Places: []report.Place{{File: "src/a.ts", Line: 3, Column: 4, Text: strings.Repeat("ü", mostSummary)}}},
		{Name: "e2e", Status: report.Cancelled, Error: "cancelled"},
		{Name: "build", Status: report.Skipped},
		{Name: "images", Status: report.Passed},
	}
	if err := (report.Report{Commit: sha, Stages: stages}).WriteJSON(file); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_API_URL": hub.URL, "GITHUB_TOKEN": "x", "GITHUB_REPOSITORY": "acme/platform",
		"GITHUB_SHA": sha, "GITHUB_SERVER_URL": "https://github.com",
	} {
		t.Setenv(name, value)
	}
	if err := Run(t.Context(), file, new(bytes.Buffer)); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, c := range hub.Checks() {
		fmt.Fprintln(&got, c.Name, c.App, c.Conclusion, c.Title, strings.Contains(c.Summary, "src/a.ts:3:4: ü"))
	}
	const want = "test github-actions success passed in 12s false\n" +
		"lint github-actions failure lint failed with exit code 1 true\n" +
		"e2e github-actions cancelled cancelled false\n"
	if got.String() != want || hub.Checks()[0].SHA != sha {
		t.Errorf("%s", got.String())
	}

	t.Setenv("GITHUB_SHA", strings.Repeat("b", 40))
	if err := Run(t.Context(), file, new(bytes.Buffer)); err == nil || len(hub.Checks()) != 3 {
		t.Errorf("the checks of one commit are told of another: %v", err)
	}
	t.Setenv("GITHUB_SHA", sha)
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), file, new(bytes.Buffer)); err == nil {
		t.Error("half a report is taken")
	}
}

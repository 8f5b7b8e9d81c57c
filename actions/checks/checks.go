// Package checks is `slipway checks`: GitHub is told of each check that ci made
// of a commit, so that a gate can ask for it by name.
package checks

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/workflow"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
)

// Command is `slipway checks`.
func Command() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "checks", Short: "Tell GitHub of each check that ci made of a commit", Args: cobra.NoArgs,
		Long: "Tell GitHub of each check that ci made of a commit, as a check run of its name, for gate.checks in " + platform.File + ".\n" +
			"It belongs into a job of its own: checks: write is the right to say that any commit is good.",
		RunE: func(cmd *cobra.Command, _ []string) error { return Run(cmd.Context(), file, cmd.OutOrStdout()) },
	}
	cmd.Flags().StringVar(&file, "report", "", "report.json of ci")
	_ = cmd.MarkFlagRequired("report") // fails only for a flag that is not there
	return cmd
}

// Run tells GitHub of each check of the report.
func Run(ctx context.Context, file string, w io.Writer) error {
	job, err := workflow.Open(os.Getenv)
	if err != nil {
		return err
	}
	r, err := report.Read(file)
	if err != nil {
		return &action.Error{Code: action.Usage, Err: err, Advice: "give the report.json of a run of ci"}
	}
	sha := os.Getenv("GITHUB_SHA")
	if sha == "" || r.Commit != sha {
		return &platform.UsageError{Message: fmt.Sprintf("the report is of commit %q, this run of %q", r.Commit, sha), Advice: "a check says something of the commit that was checked; run ci on a clean checkout in the same workflow"}
	}
	for _, stage := range r.Stages {
		conclusion := conclusions[stage.Status]
		if conclusion == "" || !slices.Contains(platform.CheckNames, stage.Name) {
			continue
		}
		run := github.CheckRun{
			Name: stage.Name, SHA: sha, Status: "completed", Conclusion: conclusion, URL: page(),
			Output: github.CheckOutput{Title: title(stage), Summary: summary(stage)},
		}
		if r.Started != nil {
			run.Started = *r.Started
		}
		if err := job.GitHub.AddCheck(ctx, run); err != nil {
			return err
		}
		fmt.Fprintf(w, "%s: %s\n", stage.Name, conclusion)
	}
	return nil
}

// conclusions are GitHub's words. Of a check that was skipped nothing is said: a
// gate that asks for it must not find it.
var conclusions = map[report.Status]string{report.Passed: "success", report.Failed: "failure", report.Cancelled: "cancelled"}

// page is that of the run, with the whole log.
func page() string {
	return os.Getenv("GITHUB_SERVER_URL") + "/" + os.Getenv("GITHUB_REPOSITORY") + "/actions/runs/" + os.Getenv("GITHUB_RUN_ID")
}

func title(s report.Stage) string {
	if s.Error != "" {
		return s.Error
	}
	return "passed in " + time.Duration(s.Seconds*float64(time.Second)).Round(time.Second).String()
}

// mostSummary is below GitHub's limit of 65535 characters.
const mostSummary = 60_000

func summary(s report.Stage) string {
	var b strings.Builder
	fmt.Fprintln(&b, title(s))
	if s.Note != "" {
		fmt.Fprintln(&b, "\n"+s.Note)
	}
	if len(s.Places) > 0 {
		fmt.Fprintln(&b, "\n```text")
		for _, p := range s.Places {
			fmt.Fprintf(&b, "%s:%d:%d: %s\n", p.File, p.Line, p.Column, strings.ReplaceAll(p.Text, "```", "'''"))
		}
		fmt.Fprintln(&b, "```")
	}
	if s.Repeat != "" {
		fmt.Fprintf(&b, "\nOnce more: `%s`\n", s.Repeat)
	}
	return strings.ToValidUTF8(b.String()[:min(b.Len(), mostSummary)], "")
}

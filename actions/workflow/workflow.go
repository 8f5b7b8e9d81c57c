// Package workflow is what a job of a GitHub workflow knows of itself.
package workflow

import (
	"fmt"
	"strconv"

	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/platform"
)

// Job is the one that runs.
type Job struct {
	GitHub  *github.Client
	Run     int64
	Attempt int
}

// Open reads the runner's variables. Outside of a workflow it is a usage error:
// a gate is decided by what GitHub knows of a run.
func Open(getenv func(string) string) (*Job, error) {
	run, err := strconv.ParseInt(getenv("GITHUB_RUN_ID"), 10, 64)
	if err != nil || run < 1 {
		return nil, &platform.UsageError{Message: "this is no job of a GitHub workflow: there is no GITHUB_RUN_ID", Advice: "run it in a job of GitHub's, which knows who started it and who approved"}
	}
	attempt, err := strconv.Atoi(getenv("GITHUB_RUN_ATTEMPT"))
	if err != nil || attempt < 1 {
		return nil, &platform.UsageError{Message: "there is no GITHUB_RUN_ATTEMPT", Advice: "the runner sets it; leave it alone"}
	}
	client, err := GitHub(getenv)
	if err != nil {
		return nil, err
	}
	return &Job{GitHub: client, Run: run, Attempt: attempt}, nil
}

// Variables of a GitHub App: its number, and the content of its .pem file.
const (
	AppNumber = "SLIPWAY_APP_ID"
	AppKey    = "SLIPWAY_APP_KEY"
)

// GitHub asks about the repository that the variables of a step name: as a GitHub
// App where they have one, whose tokens last an hour and are made as they are
// needed, else with the token of the step.
func GitHub(getenv func(string) string) (*github.Client, error) {
	if number, key := getenv(AppNumber), getenv(AppKey); number != "" || key != "" {
		id, _ := strconv.ParseInt(number, 10, 64) // 0 is refused
		app, err := github.NewApp(getenv("GITHUB_API_URL"), id, []byte(key))
		if err != nil {
			return nil, err
		}
		return app.Of(getenv("GITHUB_REPOSITORY"))
	}
	return github.New(github.Options{URL: getenv("GITHUB_API_URL"), Token: getenv("GITHUB_TOKEN"), Repository: getenv("GITHUB_REPOSITORY")})
}

// Name of the attempt, as evidence has it: owner/name/run/attempt.
func (j *Job) Name() string {
	return fmt.Sprintf("%s/%s/%d/%d", j.GitHub.Owner, j.GitHub.Name, j.Run, j.Attempt)
}

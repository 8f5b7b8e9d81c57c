package github

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// Dispatch is a workflow that a person starts, or that something else starts.
type Dispatch struct {
	Event      string // such as push. Default: workflow_dispatch
	Payload    string // file of the event, "" for none
	Act        string // the program, github.com/nektos/act
	Repository string // folder of the repository, committed
	Slipway    string // folder with the sources of the actions, whatever commit the workflow names
	Standins   string // folder with the stand-ins for GitHub's own actions
	Artifacts  string // folder that artifacts are kept in
	Workflow   string // file in the repository
	API        string // address of the stand-in
	Run        int64
	Actor      string
	Inputs     map[string]string
	Secrets    map[string]string
	Variables  map[string]string // vars of the repository
	Cache      string            // folder of act: what it built in another run must not run in this one
}

var (
	usesAction  = regexp.MustCompile(`uses: (actions/([a-z-]+)@[0-9a-f]{40})`)
	usesSlipway = regexp.MustCompile(`uses: teei/slipway/[a-z./-]+@([0-9a-f]{40})`)
	calls       = regexp.MustCompile(`uses: teei/slipway/(\.github/workflows/[a-z-]+\.yml)@`)
)

// Tools is the tool cache that steps see, whatever RUNNER_TOOL_CACHE act is given.
func (d Dispatch) Tools() string { return filepath.Join(d.Cache, "tool_cache") }

// Command is act, which runs the workflow on this machine. It knows nothing of
// environments and their reviewers, so that the gate has to ask for approvals.
func (d Dispatch) Command(ctx context.Context) (*exec.Cmd, error) {
	text, err := os.ReadFile(filepath.Join(d.Repository, d.Workflow))
	if err != nil {
		return nil, fmt.Errorf("read the workflow: %w", err)
	}
	for _, m := range calls.FindAllSubmatch(text, -1) {
		called, err := os.ReadFile(filepath.Join(d.Slipway, string(m[1])))
		if err != nil {
			return nil, fmt.Errorf("read the workflow that is called: %w", err)
		}
		text = append(text, called...)
	}
	args := []string{
		cmp.Or(d.Event, "workflow_dispatch"), "--workflows", filepath.Join(d.Repository, d.Workflow), "--actor", d.Actor, "--platform", "ubuntu-latest=-self-hosted",
		"--pull=false", "--action-offline-mode", "--no-cache-server", "--no-recurse", "--rm", "--json",
		"--env", "GITHUB_API_URL=" + d.API, "--env", "GITHUB_RUN_ID=" + strconv.FormatInt(d.Run, 10), "--env", "GITHUB_RUN_ATTEMPT=1",
		"--action-cache-path", d.Cache, "--env", "STANDIN_ARTIFACTS=" + d.Artifacts,
	}
	if d.Payload != "" {
		args = append(args, "--eventpath", d.Payload)
	}
	var known []string
	for _, m := range usesAction.FindAllStringSubmatch(string(text), -1) {
		if !slices.Contains(known, m[1]) {
			known = append(known, m[1])
			args = append(args, "--local-repository", m[1]+"="+filepath.Join(d.Standins, m[2]))
		}
	}
	for _, m := range usesSlipway.FindAllStringSubmatch(string(text), -1) {
		if !slices.Contains(known, m[1]) {
			known = append(known, m[1])
			args = append(args, "--local-repository", "teei/slipway@"+m[1]+"="+d.Slipway)
		}
	}
	for name, value := range d.Inputs {
		args = append(args, "--input", name+"="+value)
	}
	for name, value := range d.Variables {
		args = append(args, "--var", name+"="+value)
	}
	cmd := exec.CommandContext(ctx, d.Act, args...)
	cmd.Dir = d.Repository
	cmd.Env = os.Environ()
	for name, value := range d.Secrets {
		// By name alone, so that no value is among the arguments.
		cmd.Args = append(cmd.Args, "--secret", name)
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd, nil
}

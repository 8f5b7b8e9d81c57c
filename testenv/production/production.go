// Package production shows the whole way to production in the sandbox: the
// sample is released to staging, its production workflow runs, a person approves
// on the page of the stand-in for GitHub, and eleven services roll.
package production

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/sandbox"
)

// signingKey is the private half of the key in the sample's slipway.yaml, as
// base64. It signs staging's records in the sandbox, and is no secret.
const signingKey = "c2xpcHdheS1zYW5kYm94LXN0YWdpbmcta2V5LTAwMDE="

// show is one way to production.
type show struct {
	ci, slipway string // binaries
	root        string // of the sample
	address     string // of the page
	work        string // folder of this show
	// decides is told of what is to be approved; nil: a person decides on the page.
	decides       func(digest string) error
	edit          func(repository string) error // changes the sample first; nil for nothing
	stdout        io.Writer
	dir           string // work, from anywhere
	variables     []string
	kubeconfig    string
	hub           *github.Server
	run           int64
	approval, sha string
}

// Command is `testenv production`.
func Command() *cobra.Command {
	s := &show{stdout: os.Stdout, run: 77, work: filepath.Join(".slipway", "production")}
	var approve bool
	c := &cobra.Command{
		Use: "production", Short: "Release the sample to staging and on to production, through its gate", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if approve {
				s.decides = s.approved
			}
			return s.all(cmd.Context())
		},
	}
	c.Flags().StringVar(&s.ci, "ci", "", "the ci binary")
	c.Flags().StringVar(&s.slipway, "slipway", "", "the slipway binary")
	c.Flags().StringVar(&s.root, "root", "testenv/platform", "folder of the sample's slipway.yaml")
	c.Flags().StringVar(&s.address, "listen", "127.0.0.1:4330", "address of the page")
	c.Flags().BoolVar(&approve, "approve", false, "approve as both groups, without asking anybody")
	return c
}

func (s *show) all(ctx context.Context) error {
	if _, err := platform.ReadEnvFile(sandbox.EnvFile); err != nil {
		return err
	}
	for _, part := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"The repository, and two environments in the cluster", s.furnish},
		{"Images", s.images},
		{"Staging", s.staging},
		{"Production", s.production},
	} {
		fmt.Fprintf(s.stdout, "\n━━ %s\n", part.title)
		if err := part.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", strings.ToLower(part.title), err)
		}
	}
	return nil
}

// images makes the images, which are then the same everywhere.
func (s *show) images(ctx context.Context) error {
	return s.tell(s.command(ctx, s.ci, "images", "--root", s.repository(), "--output", filepath.Join(s.dir, "ci")))
}

func (s *show) repository() string { return filepath.Join(s.dir, "repository") }

// staging releases there, if it does not run these images yet, and signs the record.
func (s *show) staging(ctx context.Context) error {
	in := []string{"--root", s.repository(), "--env", "staging"}
	plan := filepath.Join(s.dir, "staging")
	out, err := s.hear(s.command(ctx, s.slipway, append([]string{"plan", "--images", filepath.Join(s.dir, "ci", "images.json"), "--out", plan}, in...)...))
	if err != nil {
		return err
	}
	approval := outputOf(filepath.Join(s.dir, "outputs"), "approval")
	sign := []string{}
	if strings.Contains(out, "nothing to release") {
		sign = []string{"--plan", plan} // a later commit, which makes the same
	} else {
		if err := s.tell(s.command(ctx, s.slipway, append([]string{"apply", "--plan", plan, "--approval", approval}, in...)...)); err != nil {
			return err
		}
	}
	newest, err := s.newest(ctx, in)
	if err != nil {
		return err
	}
	record := filepath.Join(s.artifacts(), "record")
	if err := os.MkdirAll(record, 0o755); err != nil {
		return err
	}
	s.approval = fmt.Sprintf("staging#%d", newest)
	return s.tell(s.command(ctx, s.slipway, slices.Concat([]string{"release", fmt.Sprint(newest), "--sign", filepath.Join(record, "record.json")}, sign, in)...))
}

func (s *show) artifacts() string { return filepath.Join(s.dir, "artifacts") }

// production dispatches the workflow, and people decide on the page.
func (s *show) production(ctx context.Context) error {
	act, err := sandbox.Tool(ctx, "github.com/nektos/act", "v0.2.89")
	if err != nil {
		return err
	}
	if err := s.serve(); err != nil {
		return err
	}
	defer s.hub.Close()
	kubeconfig, err := os.ReadFile(s.kubeconfig)
	if err != nil {
		return err
	}
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	dispatch := github.Dispatch{
		Act: act, Repository: s.repository(), Slipway: filepath.Join(s.dir, "slipway"), Artifacts: s.artifacts(),
		Standins: filepath.Join(here, "testenv/github/actions"), Workflow: workflowFile, API: s.hub.URL, Run: s.run, Actor: "alice",
		Inputs:    map[string]string{"from": s.approval, "record": "76", "root": "."},
		Secrets:   map[string]string{"GITHUB_TOKEN": "token-of-the-sandbox", "KUBECONFIG": string(kubeconfig), "VARIABLES": strings.Join(s.variables, "\n")},
		Variables: map[string]string{"SLIPWAY_GATE_WAIT": "30m"}, Cache: filepath.Join(s.dir, "act"),
	}
	fmt.Fprintf(s.stdout, "alice promotes %s. The page: %s\n", s.approval, s.hub.URL)
	cmd, err := dispatch.Command(ctx)
	if err != nil {
		return err
	}
	// Ctrl-C reaches act by itself, which ends its steps in order.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	if err := s.follow(cmd); err != nil {
		return errors.New("the workflow ended with an error; its last lines are above")
	}
	if _, violations := s.hub.Requests(); len(violations) > 0 {
		return fmt.Errorf("GitHub's description has other requests or answers:\n%s", strings.Join(violations, "\n"))
	}
	return s.tell(s.command(ctx, s.slipway, "releases", "--root", s.repository(), "--env", "production"))
}

// command runs in the environment of the show, with everything of the sandbox.
func (s *show) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), s.variables...)
	cmd.Env = append(cmd.Env, "SLIPWAY_KUBECONFIG="+s.kubeconfig, "SLIPWAY_SIGNING_KEY="+signingKey, "GITHUB_OUTPUT="+filepath.Join(s.dir, "outputs"))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Minute
	return cmd
}

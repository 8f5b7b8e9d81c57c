// Package doctor is `slipway doctor`: is an environment set up for releases?
package doctor

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/actions/workflow"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
)

// Options of `slipway doctor`.
type Options struct {
	environment.Flags
	GitHub     bool
	Repository string
}

// Command is `slipway doctor`.
func Command() *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use: "doctor", Short: "Look whether an environment is set up for releases", Args: cobra.NoArgs,
		Long: "Look whether an environment is set up for releases: its cluster answers and its ledger can be read; with\n" +
			"--github, whether environments, reviewers, branches and teams are set up there for its gate, and what the\n" +
			"token in GITHUB_TOKEN, or the App of SLIPWAY_APP_ID and SLIPWAY_APP_KEY, may see. What is missing comes with the command that sets it.",
		RunE: func(cmd *cobra.Command, _ []string) error { return Run(cmd.Context(), o, cmd.OutOrStdout()) },
	}
	o.Add(cmd)
	cmd.Flags().BoolVar(&o.GitHub, "github", false, "look at GitHub, instead of the cluster")
	cmd.Flags().StringVar(&o.Repository, "repository", "", "owner/name on GitHub (default: GITHUB_REPOSITORY)")
	return cmd
}

// Run looks, and fails if something is missing.
func Run(ctx context.Context, o Options, w io.Writer) error {
	if o.GitHub {
		return o.github(ctx, w)
	}
	e, err := o.Open(ctx)
	if err != nil {
		return err
	}
	records, err := e.Ledger.Releases(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "✓ the cluster of %s answers, and its ledger has %s\n", e.Ledger.Environment, report.Count(len(records), "release"))
	return err
}

func (o *Options) github(ctx context.Context, w io.Writer) error {
	p, err := platform.Load(o.Root)
	if err != nil {
		return err
	}
	e, ok := p.Environments[o.Env]
	if !ok || e.Gate == nil {
		return &platform.UsageError{Message: fmt.Sprintf("%q is no environment with a gate", o.Env), Advice: "say under environments.NAME.gate in " + platform.File + " what a release has to show"}
	}
	if o.Repository == "" {
		o.Repository = os.Getenv("GITHUB_REPOSITORY")
	}
	client, err := workflow.GitHub(func(name string) string {
		if name == "GITHUB_REPOSITORY" {
			return o.Repository
		}
		return os.Getenv(name)
	})
	if err != nil {
		return err
	}
	findings := gate.Setup(ctx, client, o.Env, e)
	if p.Watch.OnBreach == platform.Dispatch {
		file, _ := e.WayBack()
		findings = append(findings, gate.DispatchSetup(ctx, client, file))
	}
	if err := report.FindingsText(w, findings); err != nil {
		return err
	}
	if failed := len(plan.Failed(findings)); failed > 0 {
		return &action.Error{Err: fmt.Errorf("%s of %s is not set up: %s", o.Env, o.Repository, report.Count(failed, "finding")), Advice: "run the commands above, as somebody who may"}
	}
	return nil
}

// Package compare is `slipway compare`: what a change of the sources would do.
package compare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/report"
)

// Options of `slipway compare`.
type Options struct {
	environment.Flags
	Base string // folder of the same repository, before the change
	JSON bool
}

// Command is `slipway compare`.
func Command() *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use: "compare", Short: "Say what a change of the sources would do to an environment, and ask nobody", Args: cobra.NoArgs,
		Long: "Say what a change of the sources would do to an environment: manifests, and migrations with their SQL. Neither\n" +
			"cluster nor database is asked, so it can be said of a pull request, whose code sees no credentials.",
		RunE: func(cmd *cobra.Command, _ []string) error { return Run(cmd.Context(), o, cmd.OutOrStdout()) },
	}
	action.Outputs(cmd, map[string]string{"empty": "true if a release would change nothing"})
	o.Add(cmd)
	cmd.Flags().StringVar(&o.Base, "base", "", "folder with "+platform.File+" as it was before")
	cmd.Flags().BoolVar(&o.JSON, "json", false, "print it as JSON")
	_ = cmd.MarkFlagRequired("base") // fails only for a flag that is not there
	return cmd
}

// Run compares, and shows what it found.
func Run(ctx context.Context, o Options, w io.Writer) error {
	head, err := platform.Load(o.Root)
	if err != nil {
		return err
	}
	if _, ok := head.Environments[o.Env]; !ok {
		return &platform.UsageError{Message: "there is no environment " + strconv.Quote(o.Env), Advice: "see environments in " + platform.File}
	}
	base, err := before(o.Base)
	if err != nil {
		return err
	}
	var trees [2]release.Tree
	for i, p := range []*platform.Platform{base, head} {
		trees[i].Platform = p
		if trees[i].Printed, err = environment.PrintManifests(ctx, p); err != nil {
			return err
		}
	}
	p, err := release.Compare(ctx, o.Env, trees[0], trees[1])
	if err != nil {
		return err
	}
	shown := report.Compared{Plan: p, Link: release.HolderOf(os.Getenv).Run}
	var summary strings.Builder
	if err := shown.Markdown(&summary); err != nil {
		return err
	}
	action.Summary(summary.String())
	action.Output("empty", strconv.FormatBool(p.Empty()))
	if o.JSON {
		data, err := plan.Canonical(p)
		if err == nil {
			_, err = fmt.Fprintf(w, "%s\n", data)
		}
		return err
	}
	return shown.Text(w)
}

// before is the platform as it was; one without its file is empty.
func before(folder string) (*platform.Platform, error) {
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return nil, &platform.UsageError{Message: folder + " is no folder", Advice: "check the commit out that the change is to be compared with, as in `git worktree add ../base main`"}
	}
	if _, err := os.Stat(filepath.Join(folder, platform.File)); errors.Is(err, fs.ErrNotExist) {
		return &platform.Platform{Root: folder}, nil
	}
	return platform.Load(folder)
}

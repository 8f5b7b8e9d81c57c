package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
)

// Main runs ci and returns its exit code.
func Main(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	stdout, stderr = action.Harmless(stdout), action.Harmless(stderr)
	c := &cli{getenv: getenv, stdout: stdout, stderr: stderr}
	root := c.command()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && !c.shown {
		c.printError(err)
	}
	return exitCode(err)
}

// cli is what the commands share.
type cli struct {
	options        Options
	getenv         func(string) string
	stdout, stderr io.Writer
	shown          bool // the report has told of the error
}

const long = `ci takes a platform from source to verified services, in containers, the same
on a laptop and on a runner. Without a stage, it runs all of them in this order,
but plan, accept and dev, which run by name alone:

%s
check stands for the first five. Exit codes: 0 fine, 1 a check or a release
failed, 2 wrong use, 3 the surroundings failed (no engine, no registry, …).`

func (c *cli) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "ci [stage…]",
		Short:         "Check, build, back up, migrate and deploy a platform, in containers",
		Long:          fmt.Sprintf(long, stageList()),
		Example:       "  ci check --affected\n  ci images --json\n  ci --env staging backup migrate deploy",
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args) },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	c.options.register(root.PersistentFlags())
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return &platform.UsageError{Message: err.Error(), Advice: "`ci --help` lists the flags"}
	})
	root.AddCommand(
		&cobra.Command{Use: "list", Short: "List the stages and what they run", Args: noArgs, RunE: func(*cobra.Command, []string) error { return c.list() }},
		&cobra.Command{
			Use: "affected [base]", Short: "List the packages that changes since the merge base can reach", Args: cobra.ArbitraryArgs,
			RunE: func(cmd *cobra.Command, args []string) error { return c.affected(cmd.Context(), args) },
		},
		&cobra.Command{Use: "doctor", Short: "Say what answers and what does not", Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error { return c.doctor(cmd.Context()) }},
		insideCommand(c.stdout),
	)
	return root
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &platform.UsageError{Message: cmd.Name() + " takes no argument, found " + shellWord(args[0]), Advice: "`ci " + cmd.Name() + " --help` shows its use"}
	}
	return nil
}

// load finds and reads the platform.
func (c *cli) load() (*platform.Platform, string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, "", err
	}
	note, err := c.options.resolve(dir)
	if err != nil {
		return nil, dir, err
	}
	if note != "" {
		fmt.Fprintln(c.stderr, note)
	}
	p, err := platform.Load(c.options.Root)
	if err == nil {
		p.LimitDeadlines(c.options.deadline())
	}
	return p, dir, err
}

// run runs stages and shows the report, however they ended.
func (c *cli) run(ctx context.Context, words []string) error {
	stages, err := chosen(words)
	if err != nil {
		return err
	}
	p, dir, err := c.load()
	if err != nil {
		return err
	}
	progress := newProgress(c.stderr)
	defer progress.Close()
	run := newPipeline(p, c.options, dir, progress)
	err = run.preflight(stages, c.getenv)
	if c.options.DryRun && !migrateAlone(stages) && (err == nil || exitCode(err) != exitUsage) {
		return c.plan(run, stages, dir) // no sandbox has to be up for it
	}
	if err != nil {
		return err
	}
	err = run.Run(ctx, stages)
	if errors.Is(err, context.Canceled) {
		err = errors.New("cancelled; what had begun has ended")
	}
	return errors.Join(err, c.show(run, err))
}

// show prints the report and writes its files.
func (c *cli) show(run *pipeline, err error) error {
	r := run.report
	table := c.stdout
	if c.options.JSON {
		table = c.stderr
	}
	fmt.Fprintln(table)
	problems := []error{r.Table(table, tableOptions(table))}
	if c.options.JSON {
		encoder := json.NewEncoder(c.stdout)
		encoder.SetIndent("", "  ")
		problems = append(problems, encoder.Encode(r))
	}
	problems = append(problems, os.MkdirAll(c.options.Output, 0o755), r.WriteJSON(reportFile(c.options.Output)))
	if summary := c.getenv("GITHUB_STEP_SUMMARY"); summary != "" {
		problems = append(problems, r.AppendMarkdown(summary))
	}
	if !c.options.JSON {
		c.annotate(r)
	}
	c.shown = err != nil && len(r.Failures()) > 0
	return errors.Join(problems...)
}

// annotate shows in a workflow where checks failed, beside the lines of the change.
func (c *cli) annotate(r report.Report) {
	workspace := c.getenv("GITHUB_WORKSPACE")
	for _, stage := range r.Failures() {
		for _, place := range stage.Places {
			// GitHub names files as they lie in the repository.
			file := filepath.ToSlash(shortPath(workspace, filepath.Join(c.options.Root, place.File)))
			action.ErrorAt(file, place.Line, place.Column, stage.Name, place.Text)
		}
	}
}

func tableOptions(w io.Writer) (o report.TableOptions) {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return o
	}
	o.Color = os.Getenv("NO_COLOR") == ""
	if width, _, err := term.GetSize(int(file.Fd())); err == nil {
		o.Width = width
	}
	return o
}

// affected lists what changes can reach.
func (c *cli) affected(ctx context.Context, args []string) error {
	base := c.options.Affected
	switch {
	case len(args) > 1:
		return &platform.UsageError{Message: "affected takes one base", Advice: "such as `ci affected origin/main`"}
	case len(args) == 1:
		base = args[0]
	case base == "":
		base = autoBase
	}
	p, _, err := c.load()
	if err != nil {
		return err
	}
	r, err := findReach(ctx, p.Root, base)
	if err != nil {
		return err
	}
	if c.options.JSON {
		return json.NewEncoder(c.stdout).Encode(map[string]any{"base": r.base, "all": r.all, "reason": r.reason, "packages": append([]string{}, r.packages...)})
	}
	if r.all {
		fmt.Fprintln(c.stderr, "all packages:", r.reason)
	}
	for _, name := range r.packages {
		fmt.Fprintln(c.stdout, name)
	}
	return nil
}

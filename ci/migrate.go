package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"syscall"
	"time"

	"dagger.io/dagger"

	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
)

// migrate shows the pending migrations and runs the platform's own command, in
// a container with the workspace. With --dry-run it stops after showing.
func (p *pipeline) migrate(ctx context.Context, stage *report.Stage) error {
	d, target, err := p.database(stage)
	if d == nil || err != nil {
		return err
	}
	plan, err := database.Pending(ctx, target.Values[d.URL], path.Join(p.platform.Root, d.Migrations), d.Journal)
	if err != nil {
		return err
	}
	shown := describePlan(plan)
	p.progress.Say("%s", shown)
	stage.Log = p.writeLog(stage.Name, shown)
	if output, err := p.committed(ctx); err != nil {
		stage.Log = p.writeLog(stage.Name, shown+"\n"+output)
		for _, line := range lastLines(output, failedLines) {
			p.progress.Say("    │ %s", line)
		}
		return err
	}
	if len(plan.Drift) > 0 {
		return fmt.Errorf("the database and the folder of migrations tell different stories: %s %s", plan.Drift[0].Name, plan.Drift[0].Reason)
	}
	if p.options.DryRun || len(plan.Pending) == 0 {
		stage.Note = fmt.Sprintf("%d pending, %d applied before", len(plan.Pending), plan.Applied)
		return nil
	}
	if ctx, err = p.hold(ctx, target); err != nil {
		return err
	}
	c, err := p.workspace()
	if err != nil {
		return err
	}
	var t tunnels
	if c, err = p.withValues(c, target, &t); err != nil {
		return err
	}
	outcome, _, log, err := inside[database.Migrated](ctx, p, c, &t, "migrate")
	m := outcome.Result
	p.migrated = &m
	stage.Log = p.writeLog(stage.Name, shown+"\n"+log+m.Output)
	if err != nil {
		if lost := new(*ledger.TakenError); errors.As(context.Cause(ctx), lost) {
			err = errors.Join(*lost, err)
		}
		for _, line := range lastLines(m.Output, failedLines) {
			p.progress.Say("    │ %s", line)
		}
		return err
	}
	stage.Note = fmt.Sprintf("%d applied: %s", len(m.Applied), strings.Join(m.Applied, ", "))
	return nil
}

// describePlan lists what is pending, with its SQL, and what has drifted.
func describePlan(plan database.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %d migrations pending, %d applied before", len(plan.Pending), plan.Applied)
	for _, m := range plan.Pending {
		fmt.Fprintf(&b, "\n  + %s", m.Name)
		fmt.Fprintf(&b, "\n%s", indent(m.SQL))
	}
	for _, d := range plan.Drift {
		fmt.Fprintf(&b, "\n  ! %s: %s", d.Name, d.Reason)
	}
	return b.String()
}

func indent(text string) string {
	return "      " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n      ")
}

// committed generates, in a scratch copy, the migration that the schema in the
// code still lacks. There must be none: nobody could review it. The output is
// that of a command which failed.
func (p *pipeline) committed(ctx context.Context) (output string, err error) {
	d := p.platform.Database
	if d.Plan == "" {
		return "", nil
	}
	c, err := p.workspace()
	if err != nil {
		return "", err
	}
	folder := path.Join(workdir, d.Migrations)
	listing := "find . -type f -exec sha256sum {} + | sort"
	script := fmt.Sprintf("cd %s && %s > /tmp/before && cd %s && (\n%s\n) </dev/null && cd %s && %s > /tmp/after && { diff /tmp/before /tmp/after > /tmp/changed || true; }",
		shellWord(folder), listing, workdir, d.Plan, shellWord(folder), listing)
	limited, stop := context.WithTimeout(ctx, p.options.Timeout)
	defer stop()
	changed, err := c.WithExec(shell(script)).File("/tmp/changed").Contents(limited)
	var failed *dagger.ExecError
	if errors.As(err, &failed) {
		return joinOutput(failed.Stdout, failed.Stderr), &advised{
			fmt.Errorf("generate migrations in a scratch copy: %w", checkError(d.Plan, shell(script), failed)),
			"run `" + d.Plan + "` yourself; it must need neither a terminal nor a database",
		}
	}
	if err != nil {
		return "", explain("generate migrations in a scratch copy", err)
	}
	var names []string
	for _, line := range strings.Split(changed, "\n") {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == ">" {
			names = append(names, path.Join(d.Migrations, fields[2]))
		}
	}
	if strings.TrimSpace(changed) == "" {
		return "", nil
	}
	return "", &uncommittedError{names, d.Plan}
}

type uncommittedError struct {
	files   []string
	command string
}

func (e *uncommittedError) Error() string {
	return "the schema in the code has changes without a migration: " + e.command + " writes " + strings.Join(e.files, ", ")
}

// Hint says what to do about it.
func (e *uncommittedError) Hint() string {
	return "run `" + e.command + "`, review what it writes and commit it"
}

// migrateInside runs where the workspace and its tools are.
func migrateInside(ctx context.Context) error {
	return record(ctx, func(ctx context.Context) (m database.Migrated, err error) {
		p, err := platform.Load(workdir)
		if err != nil {
			return m, err
		}
		d := p.Database
		err = onLeash(ctx, func(ctx context.Context, ci *outside) error {
			m, err = database.Migrate(ctx, database.MigrateOptions{
				URL: os.Getenv(d.URL), Dir: path.Join(workdir, d.Migrations), Journal: d.Journal,
				Run:      func(ctx context.Context) (string, error) { return runShell(ctx, d.Migrate) },
				Progress: func(message string) { ci.say("%s", message) },
			})
			return err
		})
		// A migrator may well print the address that it cannot reach.
		m.Output = redactor(p.Required())(m.Output)
		return m, err
	})
}

// runShell runs a command of slipway.yaml and returns its output. Cancelled, it
// is asked to end, with all it started, before it is killed.
func runShell(ctx context.Context, command string) (string, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir = workdir
	cmd.Env = append(os.Environ(), database.MigratorName)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("%s failed with exit code %d", command, failed.ExitCode())
	}
	const most = 64 << 10
	text := out.String()
	if len(text) > most {
		text = "… " + text[len(text)-most:] // by the mark, who redacts it knows that a secret may be cut
	}
	return text, err
}

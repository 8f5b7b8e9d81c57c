package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dagger.io/dagger"
	"golang.org/x/sync/errgroup"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
)

// failedLines is how much of a failed check's output is shown at once.
const failedLines = 20

// passedBefore is noted beside a check that did not have to run.
const passedBefore = "passed before with the same sources; --no-cache runs it again"

// errFailFast is why checks end that did not fail.
var errFailFast = errors.New("another check failed first")

// check runs checks beside each other, all of them to the end, and reports
// each; the error is that of the first that failed.
func (p *pipeline) check(ctx context.Context, names []string) error {
	reach, err := p.reach(ctx)
	if err != nil {
		return err
	}
	stages := make([]report.Stage, len(names))
	errs := make([]error, len(names))
	running, end := context.WithCancelCause(ctx)
	defer end(nil)
	var group errgroup.Group
	if p.options.Jobs > 0 {
		group.SetLimit(p.options.Jobs)
	}
	for i, name := range names {
		group.Go(func() error {
			stages[i], errs[i] = p.checkOne(running, name, reach)
			if errs[i] != nil && p.options.FailFast {
				end(errFailFast)
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs, one for each check
	p.report.Stages = append(p.report.Stages, stages...)
	return worst(errs)
}

func (p *pipeline) checkOne(ctx context.Context, name string, reach reach) (report.Stage, error) {
	stage := report.Stage{Name: name, Status: report.Skipped}
	check, ok := p.platform.Checks[name]
	if !ok {
		stage.Note = platform.File + " has no such check"
		return stage, nil
	}
	command, note := reach.command(check)
	stage.Note = note
	if command == "" {
		p.progress.Say("- %s skipped: %s", name, note)
		return stage, nil
	}
	if ctx.Err() != nil {
		stage.Status, stage.Note = report.Cancelled, "cancelled before it began"
		if errors.Is(context.Cause(ctx), errFailFast) {
			stage.Note = errFailFast.Error()
		}
		return stage, ctx.Err()
	}
	limit := p.options.Timeout
	if check.Timeout.Duration > 0 {
		limit = check.Timeout.Duration
	}
	limited, stop := context.WithTimeout(ctx, limit)
	defer stop()
	end := p.progress.Start(name)
	start := time.Now()
	var err error
	m := p.recall(limited, name, check, reach)
	if m.reach != nil {
		command, stage.Note = m.reach.command(check)
	}
	var output string
	if m.before != nil {
		output, stage.Note = m.before.Output, passedBefore
	} else if output, err = p.runCheck(limited, name, check, command, limit); err == nil {
		m.keep(output)
	}
	stage.Seconds = time.Since(start).Seconds()
	stage.Log, stage.Status = p.writeLog(name, output), report.Passed
	switch {
	case err == nil:
		end("✓")
		return stage, nil
	case ctx.Err() != nil:
		end("-")
		stage.Status, stage.Error = report.Cancelled, "cancelled"
		return stage, ctx.Err()
	case errors.Is(limited.Err(), context.DeadlineExceeded):
		err = &timeoutError{name, limit}
	}
	end("✗")
	stage.Status, stage.Error, stage.Hint = report.Failed, err.Error(), p.hint(err)
	stage.Repeat, stage.Places = p.repeat(name), report.Places(plain(output), workdir)
	p.showFailure(stage, output)
	return stage, err
}

// runCheck returns what the check printed, up to the 100 KiB at the end if it failed.
func (p *pipeline) runCheck(ctx context.Context, name string, check platform.Check, command string, limit time.Duration) (string, error) {
	c, err := p.installed()
	if err != nil {
		return "", err
	}
	return p.runIn(ctx, c, name, check, command, limit)
}

// runIn is runCheck in a container where the packages are installed.
func (p *pipeline) runIn(ctx context.Context, c *dagger.Container, name string, check platform.Check, command string, limit time.Duration) (_ string, err error) {
	for _, variable := range sortedKeys(check.Env) {
		c = c.WithEnvVariable(variable, check.Env[variable])
	}
	script := command
	if check.Before != "" {
		// One command with the check: alone, it would be taken from the cache
		// while its effect on the servers is long gone.
		script = "(\n" + check.Before + "\n) && (\n" + command + "\n)"
	}
	args := shell(copyBrought + " || exit\n" + script)
	if !p.options.NoCache {
		for _, folder := range check.Cache {
			c = c.WithMountedCache(path.Join(workdir, folder), p.dag.CacheVolume("slipway-"+p.platform.Name+"-"+name+"-"+folder),
				// Two runs at once must not write into each other's files.
				dagger.ContainerWithMountedCacheOpts{Sharing: dagger.CacheSharingModeLocked})
		}
	}
	if len(check.Needs) > 0 {
		servers, err := p.servers(ctx, name, check.Needs)
		if err != nil {
			return "", err
		}
		// Of two commands that are alike and run at once, for two runs, the engine
		// makes one, with the servers of one run and the passwords of the other.
		c = p.withVariables(bind(c, servers), servers, check.Env).WithEnvVariable("SLIPWAY_RUN", p.run)
		if c, err = p.withSelf(c); err != nil {
			return "", err
		}
		// Trouble with a server must show before the check's own time is up.
		wait := []string{selfPath, "inside", "wait", min(serverDeadline, limit/2).String()}
		for _, s := range servers {
			wait = append(wait, s.Kind+"="+s.Variable)
		}
		args = slices.Concat(wait, []string{"--"}, args)
	}
	output, err := p.bringAnd(c, p.source(), args...).Stdout(ctx)
	var failed *dagger.ExecError
	if errors.As(err, &failed) {
		output := joinOutput(failed.Stdout, failed.Stderr)
		// Without an exit code it never ran: the engine lost one it is bound to.
		if failed.ExitCode < 0 && len(check.Needs) > 0 {
			return output, &platform.InfrastructureError{Message: "a server of " + name + " ended before it answered a query: " + strings.Join(check.Needs, " or "), Advice: serverAdvice}
		}
		return output, checkError(name, args, failed)
	}
	return output, explain("run "+name, err)
}

// checkError tells a check that failed from an installation that did, and from
// servers that never answered.
func checkError(name string, args []string, failed *dagger.ExecError) error {
	switch {
	case strings.Contains(failed.Stderr, noAnswer):
		return &platform.InfrastructureError{Message: lineWith(failed.Stderr, noAnswer), Advice: serverAdvice}
	case slices.Equal(failed.Cmd, args):
		return fmt.Errorf("%s failed with exit code %d", name, failed.ExitCode)
	}
	command := failed.Cmd[len(failed.Cmd)-1]
	if _, install, ok := strings.Cut(command, copyBrought+" && "); ok {
		command = install
	}
	return fmt.Errorf("%s could not begin: %s failed with exit code %d", name, command, failed.ExitCode)
}

// lineWith is the line that has the text, without the word that it begins with.
func lineWith(output, text string) string {
	for line := range strings.Lines(output) {
		if strings.Contains(line, text) {
			return strings.TrimPrefix(strings.TrimSpace(line), "error: ")
		}
	}
	return ""
}

// showFailure prints what somebody needs to repair a check.
func (p *pipeline) showFailure(stage report.Stage, output string) {
	lines := []string{""}
	for _, line := range lastLines(output, failedLines) {
		lines = append(lines, "    │ "+line)
	}
	lines = append(lines, "    "+stage.Error)
	if stage.Hint != "" {
		lines = append(lines, "    hint:   "+stage.Hint)
	}
	lines = append(lines, "    log:    "+shortPath(p.dir, stage.Log), "    repeat: "+stage.Repeat, "")
	p.progress.Say("%s", strings.Join(lines, "\n"))
}

// writeLog keeps the output of a part and returns the file's name.
func (p *pipeline) writeLog(name, output string) string {
	file := filepath.Join(p.options.Output, "logs", name+".log")
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		err = os.WriteFile(file, []byte(output), 0o644)
	}
	if err != nil {
		p.progress.Say("  the log of %s is lost: %v", name, err)
		return ""
	}
	return file
}

func joinOutput(stdout, stderr string) string {
	if stdout != "" && stderr != "" {
		return strings.TrimRight(stdout, "\n") + "\n" + stderr
	}
	return stdout + stderr
}

type timeoutError struct {
	name  string
	limit time.Duration
}

func (e *timeoutError) Error() string { return e.name + " took longer than " + e.limit.String() }

// Hint says what to do about it.
func (e *timeoutError) Hint() string {
	return "its output so far is in dagger.log; --timeout, or timeout in " + platform.File + ", allows more"
}

// worst chooses the error that a whole run ends with, the first of its kind.
func worst(errs []error) (chosen error) {
	for _, err := range errs {
		if weight(err) > weight(chosen) {
			chosen = err
		}
	}
	return chosen
}

// weight orders errors: a failure of the platform says more than trouble around
// it, and what was cancelled for the sake of another says nothing.
func weight(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled):
		return 1
	case exitCode(err) != exitFailed:
		return 2
	}
	return 3
}

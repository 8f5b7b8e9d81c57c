package main

import (
	"context"
	"errors"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
)

// accept tries an environment from outside with the workspace's own tests, as
// slipway.yaml says for it. They see the secrets that are named there, and none of
// those that the environment is released with.
func (p *pipeline) accept(ctx context.Context, stage *report.Stage) error {
	suite := p.platform.Environments[p.options.Env].Acceptance
	if suite == nil {
		stage.Status, stage.Note = report.Skipped, platform.File+" names no acceptance for "+p.report.Target
		return nil
	}
	c, err := p.installed()
	if err != nil {
		return err
	}
	getenv := platform.Bundled(p.getenv)
	for _, name := range suite.Secrets {
		value := getenv(name)
		if value == "" {
			return &platform.UsageError{Message: "acceptance of " + p.report.Target + " lacks " + name, Advice: "give it to the step, from the secrets of the environment"}
		}
		c = c.WithSecretVariable(name, p.dag.SetSecret("acceptance-"+name, value))
	}
	limit := p.options.Timeout
	if suite.Timeout.Duration > 0 {
		limit = suite.Timeout.Duration
	}
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	// What it tries is no part of its sources: a result of before says nothing.
	c = c.WithEnvVariable("SLIPWAY_RUN", p.run)
	output, err := p.runIn(ctx, c, "accept", platform.Check{Run: suite.Run, Env: suite.Env}, suite.Run, limit)
	stage.Log = p.writeLog(stage.Name, output)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = &timeoutError{"accept", limit}
	}
	// Who cancelled it knows; any other end has to be repaired.
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		p.showFailure(report.Stage{Error: err.Error(), Hint: p.hint(err), Log: stage.Log, Repeat: p.repeat("accept")}, output)
	}
	return err
}

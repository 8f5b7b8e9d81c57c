package main

import (
	"slices"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
)

// target is where the run releases to.
func (p *pipeline) target() (platform.Target, error) {
	return p.platform.Target(p.options.Env, p.getenv)
}

// database is that of the platform, and the target it is in. Without one, the
// stage is skipped and the database nil.
func (p *pipeline) database(stage *report.Stage) (*platform.Database, platform.Target, error) {
	if p.platform.Database == nil {
		stage.Status, stage.Note = report.Skipped, "the platform has no database"
		return nil, platform.Target{}, nil
	}
	target, err := p.target()
	return p.platform.Database, target, err
}

// preflight refuses, before anything runs, what could only fail later.
func (p *pipeline) preflight(stages []string, getenv func(string) string) error {
	p.getenv = getenv
	releases := slices.ContainsFunc(stages, func(name string) bool { return !isCheck(name) && name != "dev" })
	_, known := p.platform.Environments[p.options.Env]
	if !releases && (known || p.options.Env == "") {
		return nil
	}
	target, err := p.target()
	if err != nil {
		return err
	}
	shows := p.options.DryRun && migrateAlone(stages)
	writes := slices.Contains(stages, "migrate") && !shows || slices.Contains(stages, "deploy")
	if gate := p.platform.Environments[target.Environment].Gate; gate != nil && writes {
		return &platform.UsageError{
			Message: "environment " + target.Environment + " has a gate, and is released by " + gate.Workflow + " alone",
			Advice:  "`ci images backup` prepare a release of it; `slipway plan` says what it would do",
		}
	}
	return nil
}

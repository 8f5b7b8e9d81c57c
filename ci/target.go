package main

import (
	"slices"

	"github.com/teei/slipway/internal/platform"
)

// target is where the run releases to.
func (p *pipeline) target() (platform.Target, error) {
	return p.platform.Target(p.options.Env, p.getenv)
}

// preflight refuses, before anything runs, what could only fail later.
func (p *pipeline) preflight(stages []string, getenv func(string) string) error {
	p.getenv = getenv
	releases := slices.ContainsFunc(stages, func(name string) bool { return !isCheck(name) && name != "dev" })
	if !releases {
		return nil
	}
	_, err := p.target()
	return err
}

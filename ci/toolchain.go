package main

import (
	"path/filepath"
	"strings"
	"sync"

	"dagger.io/dagger"

	"github.com/teei/slipway/internal/platform"
)

// workspaceOnce is the workspace, whose lockfile is read once in a run.
type workspaceOnce struct {
	once sync.Once
	read *platform.Workspace
	err  error
}

func (p *pipeline) readWorkspace() (*platform.Workspace, error) {
	w := &p.packages
	w.once.Do(func() { w.read, w.err = platform.ReadWorkspace(p.platform.Root) })
	return w.read, w.err
}

// installInputs are the files that an installation depends on: by the patterns
// of slipway.yaml, and what the lockfile says that it copies.
func (p *pipeline) installInputs() ([]string, error) {
	names, err := platform.Expand(p.platform.Root, p.platform.Toolchain.Manifests)
	if err != nil {
		return nil, err
	}
	// Where there is no workspace to read, the patterns are all that is known.
	if w, err := p.readWorkspace(); err == nil {
		for _, name := range w.Copied {
			if filepath.IsLocal(filepath.FromSlash(name)) && name != "." {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// installed is the toolchain with all packages installed, and no sources yet.
// Only a changed lockfile or manifest makes it anew.
func (p *pipeline) installed() (*dagger.Container, error) {
	t := p.platform.Toolchain
	manifests, err := p.installInputs()
	if err != nil {
		return nil, err
	}
	if p.npm.rootSecret {
		manifests = without(manifests, ".npmrc")
	}
	base := p.toolchain()
	if t.Install != "" {
		return p.bringAnd(base, p.files(manifests), installArgs(t.Install)...), nil
	}
	if !strings.HasPrefix(t.PackageManager, "pnpm@") {
		return nil, &platform.UsageError{
			Message: platform.File + " says no toolchain.install, and package.json no packageManager of pnpm",
			Advice:  "add packageManager, such as \"pnpm@10.34.8\", to package.json, or toolchain.install, such as npm ci",
		}
	}
	pnpm := base.WithExec([]string{"npm", "install", "--global", "--no-audit", "--no-fund", "--loglevel=error", t.PackageManager})
	return p.bringAnd(pnpm, p.files(manifests), installArgs("pnpm install --frozen-lockfile")...), nil
}

func installArgs(command string) []string {
	return shell(copyBrought + " && " + command)
}

// toolchain is the image that checks run in, before anything is installed.
func (p *pipeline) toolchain() *dagger.Container {
	c := p.dag.Container().From(p.platform.Toolchain.Image).WithWorkdir(workdir).WithEnvVariable("CI", "true")
	if p.options.NoCache {
		c = c.WithEnvVariable("SLIPWAY_RUN", p.run)
	}
	return p.withNpm(c)
}

// workspace is the toolchain with packages and sources.
func (p *pipeline) workspace() (*dagger.Container, error) {
	c, err := p.installed()
	if err != nil {
		return nil, err
	}
	return p.bring(c, p.source()), nil
}

// shell runs a command of slipway.yaml; both outputs as one, in their order.
func shell(command string) []string {
	return []string{"sh", "-c", "exec 2>&1\n" + command}
}

func without(names []string, name string) []string {
	var rest []string
	for _, n := range names {
		if n != name {
			rest = append(rest, n)
		}
	}
	return rest
}

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dagger.io/dagger"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/teei/slipway/internal/platform"
)

const (
	appDir  = "/app"           // of the service in its image
	outDir  = "/out/app"       // of the same while it is made
	packed  = "/out/layer.tgz" // made from outDir
	nonRoot = "65532:65532"    // where a base names no user, or root
)

// made is an image, and the files it is read from while it is pushed.
type made struct {
	image   v1.Image
	dir     string
	trusted int // words of its command that come from its base
}

func (m made) remove() { os.RemoveAll(m.dir) }

// fromPackage makes an image from a package of the workspace, as pnpm deploys
// it, on a base image: no Dockerfile, no tools, no sources of others.
func (p *pipeline) fromPackage(ctx context.Context, r recipe) (m made, log string, err error) {
	if p.platform.Toolchain.Install != "" {
		return m, "", &platform.UsageError{Message: "image of " + r.Name + ": only pnpm can make one from a package", Advice: "give the service an image.dockerfile, or an image.reference"}
	}
	built, err := p.deployed(r)
	if err != nil {
		return m, "", err
	}
	if log, err = built.Stdout(ctx); err != nil {
		var failed *dagger.ExecError
		if errors.As(err, &failed) {
			if text := lineWith(failed.Stderr, leadsOut); text != "" {
				return m, joinOutput(failed.Stdout, failed.Stderr), &advised{errors.New("image of " + r.Name + ": " + text), leadsOutAdvice}
			}
			return m, joinOutput(failed.Stdout, failed.Stderr), errors.New("image of " + r.Name + ": " + lastCommand(failed) + " failed")
		}
		return m, log, explain("make image "+r.Name, err)
	}
	base, err := p.baseImage(ctx, r.Base)
	if err != nil {
		return m, log, err
	}
	if m.dir, err = os.MkdirTemp("", "slipway-image-"); err != nil {
		return m, log, err
	}
	layer := filepath.Join(m.dir, "layer.tgz")
	if config, err := base.image.ConfigFile(); err == nil {
		m.trusted = len(config.Config.Entrypoint)
	}
	if _, err = built.File(packed).Export(ctx, layer); err == nil {
		m.image, err = assemble(base, layer, r, p.platform.Name)
	}
	if err != nil {
		m.remove()
		return m, log, explain("make image "+r.Name, err)
	}
	return m, log, nil
}

// deployed builds a package, and what it needs, from their own sources alone,
// so that another service's change does not alter it.
func (p *pipeline) deployed(r recipe) (*dagger.Container, error) {
	c, err := p.installed()
	if err != nil {
		return nil, err
	}
	workspace, err := p.readWorkspace()
	if err != nil {
		return nil, err
	}
	name := shellWord(r.Package)
	c = p.bring(c, p.source(strangers(workspace, r.Package)...)).
		WithExec(shell("pnpm --filter " + shellWord(r.Package+"...") + " run --if-present build && " +
			"pnpm --filter " + name + " --prod --offline deploy " + outDir))
	if c, err = p.withSelf(c); err != nil {
		return nil, err
	}
	return c.WithExec([]string{selfPath, "inside", "pack", outDir, strings.TrimPrefix(appDir, "/"), packed}), nil
}

// strangers are patterns of what an image does not depend on: the packages that
// it does not need, as far as the lockfile tells, and nothing else. What lies
// beside packages, of whatever kind, may be read by a build.
func strangers(w *platform.Workspace, name string) []string {
	var patterns []string
	needed := w.Closure(name)
	for _, other := range w.Packages {
		holds := func(n platform.Package) bool { return n.Dir == other.Dir || strings.HasPrefix(n.Dir, other.Dir+"/") }
		if other.Dir != "." && !slices.ContainsFunc(needed, holds) {
			patterns = append(patterns, other.Dir)
		}
	}
	return escapeAll(patterns)
}

// assemble puts one layer on a base. Nothing in it tells when or where it was
// made, nor from which commit: the same files make the same digest.
func assemble(base baseImage, layerFile string, r recipe, platformName string) (v1.Image, error) {
	layer, err := tarball.LayerFromFile(layerFile, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image, err := mutate.Append(base.image, mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: epoch}, CreatedBy: "slipway"}})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	forgetTimes(config)
	config.Author, config.Container = "", ""
	config.DockerVersion = "" //nolint:staticcheck // deprecated, and would tell who built the base
	c := &config.Config
	c.WorkingDir, c.Cmd = appDir, r.Command
	c.Env = append(c.Env, "NODE_ENV=production")
	if c.User == "" || c.User == "root" || c.User == "0" || strings.HasPrefix(c.User, "0:") {
		c.User = nonRoot
	}
	c.Labels = map[string]string{
		"org.opencontainers.image.title":       r.Name,
		"org.opencontainers.image.vendor":      platformName,
		"org.opencontainers.image.base.name":   base.name,
		"org.opencontainers.image.base.digest": base.digest,
	}
	if r.Service.Port > 0 {
		c.ExposedPorts = map[string]struct{}{portName(r.Service.Port): {}}
	}
	return mutate.ConfigFile(mutate.MediaType(image, types.OCIManifestSchema1), config)
}

func lastCommand(failed *dagger.ExecError) string {
	command := strings.Join(failed.Cmd, " ")
	return strings.TrimPrefix(strings.ReplaceAll(command, "\n", " "), "sh -c exec 2>&1 ")
}

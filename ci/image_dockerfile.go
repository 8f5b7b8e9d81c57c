package main

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"

	"dagger.io/dagger"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// fromDockerfile builds a Dockerfile. What its own commands make of times and
// order is its author's; the times that the builder adds are taken out.
func (p *pipeline) fromDockerfile(ctx context.Context, r recipe) (m made, err error) {
	s := r.Service
	dir := s.Path
	if s.Image.Context != "" {
		dir = s.Image.Context
	}
	file, err := filepath.Rel(filepath.FromSlash(path.Clean(dir)), filepath.FromSlash(path.Join(s.Path, s.Image.Dockerfile)))
	if err != nil {
		return m, err
	}
	context := p.dag.Host().Directory(filepath.Join(p.platform.Root, dir), dagger.HostDirectoryOpts{Exclude: excludes(filepath.Join(p.platform.Root, dir), p.options.Output)})
	if !filepath.IsLocal(file) {
		// A Dockerfile beside its context: it is all that is taken from there.
		context = context.WithFile("Dockerfile.slipway", p.dag.Host().File(filepath.Join(p.platform.Root, s.Path, s.Image.Dockerfile)))
		file = "Dockerfile.slipway"
	}
	if m.dir, err = os.MkdirTemp("", "slipway-image-"); err != nil {
		return m, err
	}
	built := context.DockerBuild(dagger.DirectoryDockerBuildOpts{Dockerfile: filepath.ToSlash(file)})
	layoutDir := filepath.Join(m.dir, "built")
	if err := exportLayout(ctx, built, layoutDir); err != nil {
		m.remove()
		var failed *dagger.ExecError
		if errors.As(err, &failed) {
			p.progress.Say("    │ %s", joinOutput(failed.Stdout, failed.Stderr))
			return m, errors.New("image of " + r.Name + ": " + lastCommand(failed) + " failed")
		}
		return m, explain("make image "+r.Name, err)
	}
	image, err := readLayout(layoutDir)
	if err == nil {
		m.image, err = timeless(image)
	}
	if err != nil {
		m.remove()
	}
	return m, err
}

// timeless sets the times in an image's configuration to the epoch.
func timeless(image v1.Image) (v1.Image, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	forgetTimes(config)
	return mutate.ConfigFile(image, config)
}

// forgetTimes takes out when an image was made, and when the engine pulled
// what it stands on.
func forgetTimes(config *v1.ConfigFile) {
	config.Created = v1.Time{Time: epoch}
	for i := range config.History {
		config.History[i].Created = v1.Time{Time: epoch}
	}
}

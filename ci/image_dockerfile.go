package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"dagger.io/dagger"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// dockerfileName is what a Dockerfile is called while ci builds it.
const dockerfileName = "Dockerfile.slipway"

// fromDockerfile builds a Dockerfile. What its own commands make of times and
// order is its author's; the times that the builder adds are taken out.
func (p *pipeline) fromDockerfile(ctx context.Context, r recipe) (m made, err error) {
	built, err := p.dockerBuild(r)
	if err != nil {
		return m, err
	}
	if m.dir, err = os.MkdirTemp("", "slipway-image-"); err != nil {
		return m, err
	}
	layoutDir := filepath.Join(m.dir, "built")
	if err := exportLayout(ctx, built, layoutDir); err != nil {
		m.remove()
		var failed *dagger.ExecError
		if errors.As(err, &failed) {
			return m, &buildError{r.Name, lastCommand(failed), joinOutput(failed.Stdout, failed.Stderr)}
		}
		if command := brokenStep(err.Error()); command != "" {
			return m, &buildError{r.Name, command, ""}
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

// dockerBuild builds in the context that the service names. A Dockerfile may
// lie outside of it; that is all that is taken from there.
func (p *pipeline) dockerBuild(r recipe) (*dagger.Container, error) {
	s := r.Service
	dir := s.Path
	if s.Image.Context != "" {
		dir = s.Image.Context
	}
	root := filepath.Join(p.platform.Root, filepath.FromSlash(dir))
	file := filepath.Join(p.platform.Root, filepath.FromSlash(s.Path), filepath.FromSlash(s.Image.Dockerfile))
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", r.Name, err)
	}
	excludes, err := contextExcludes(root, file, p.options.Output)
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", r.Name, err)
	}
	dockerfile := p.npm.trusting(string(text))
	if p.options.NoCache {
		dockerfile = underArgs(dockerfile, "SLIPWAY_RUN="+p.run)
	}
	options := dagger.DirectoryDockerBuildOpts{Dockerfile: dockerfileName}
	if p.npm.userConfig != "" {
		// For RUN --mount=type=secret,id=npmrc.
		options.Secrets = append(options.Secrets, p.secretFile("npmrc", p.npm.userConfig))
	}
	if p.npm.ca != "" {
		options.Secrets = append(options.Secrets, p.secretFile(trustSecret, p.npm.ca))
	}
	return p.dag.Host().Directory(root, dagger.HostDirectoryOpts{Exclude: excludes}).
		WithNewFile(dockerfileName, dockerfile).
		DockerBuild(options), nil
}

var brokenProcess = regexp.MustCompile(`process ("(?:[^"\\]|\\.)*") did not complete successfully: exit code: (\d+)`)

// brokenStep is the command of a Dockerfile that an error of the engine tells of,
// with its exit code; "" if it tells of something else.
func brokenStep(text string) string {
	step := brokenProcess.FindStringSubmatch(text)
	if step == nil {
		return ""
	}
	command, err := strconv.Unquote(step[1])
	if err != nil {
		command = strings.Trim(step[1], `"`)
	}
	command = strings.Join(strings.Fields(strings.TrimPrefix(command, "/bin/sh -c ")), " ")
	return command + ", exit code " + step[2]
}

// buildError is a command of a Dockerfile that failed.
type buildError struct{ image, command, output string }

func (e *buildError) Error() string {
	text := "image of " + e.image + ": " + e.command + " failed"
	for _, line := range lastLines(e.output, 3) {
		text += "; " + strings.TrimSpace(line)
	}
	return text
}

// Hint says where to look further.
func (e *buildError) Hint() string {
	return "the output of the build is in dagger.log in the output folder"
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

// forgetTimes takes out when an image was made, when the engine pulled what it
// stands on, and what ci added to the commands of a Dockerfile.
func forgetTimes(config *v1.ConfigFile) {
	config.Created = v1.Time{Time: epoch}
	history := config.History[:0]
	for _, step := range config.History {
		var ours bool
		if step.CreatedBy, ours = withoutArgs(step.CreatedBy); ours && step.EmptyLayer {
			continue
		}
		step.Created = v1.Time{Time: epoch}
		history = append(history, step)
	}
	config.History = history
}

package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
)

// recipe is how one image is made.
type recipe struct {
	Name    string
	Package string // of the workspace, "" if it is not made from one
	Base    string
	Command []string
	Service platform.Service
}

// recipes are the images of the platform: one for each service, in order, and
// one for migrations, which never are in an image that serves.
func (p *pipeline) recipes() ([]recipe, error) {
	var workspace *platform.Workspace
	inPackage := func(dir string) (string, error) {
		if workspace == nil {
			var err error
			if workspace, err = platform.ReadPackages(p.platform.Root); err != nil {
				return "", err
			}
		}
		if found, ok := workspace.At(dir); ok {
			return found.Name, nil
		}
		return "", &platform.UsageError{Message: dir + " is no package of the workspace", Advice: "add it to pnpm-workspace.yaml, or give the service an image.dockerfile"}
	}
	var recipes []recipe
	for _, s := range p.platform.Ordered() {
		r := recipe{Name: s.Name, Base: s.Image.Base, Command: s.Image.Command, Service: s}
		if s.Image.FromWorkspace() {
			var err error
			if r.Package, err = inPackage(s.Path); err != nil {
				return nil, fmt.Errorf("image of %s: %w", s.Name, err)
			}
		}
		recipes = append(recipes, r)
	}
	if d := p.platform.Database; d != nil && d.Package != "" {
		recipes = append(recipes, recipe{Name: plan.MigratorImage, Package: d.Package, Base: platform.DefaultBase, Command: d.Command})
	}
	return recipes, nil
}

// makeImages makes and pushes all images; the report lists their digests.
func (p *pipeline) makeImages(ctx context.Context, stage *report.Stage) error {
	target, err := p.target()
	if err != nil {
		return err
	}
	recipes, err := p.recipes()
	if err != nil {
		return err
	}
	references, logs, errs := make([]string, len(recipes)), make([]string, len(recipes)), make([]error, len(recipes))
	var group errgroup.Group
	group.SetLimit(p.options.imageJobs())
	for i, r := range recipes {
		group.Go(func() error {
			limited, stop := context.WithTimeout(ctx, p.options.Timeout)
			defer stop()
			references[i], logs[i], errs[i] = p.makeImage(limited, r, target.Registry)
			if errors.Is(limited.Err(), context.DeadlineExceeded) {
				errs[i] = &timeoutError{"image " + r.Name, p.options.Timeout}
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	var log strings.Builder
	for i, r := range recipes {
		fmt.Fprintf(&log, "== %s\n%s\n%s\n", r.Name, strings.TrimRight(logs[i], "\n"), references[i])
		if errs[i] != nil {
			fmt.Fprintln(&log, "failed:", errs[i])
			for _, line := range lastLines(logs[i], failedLines) {
				p.progress.Say("    │ %s", line)
			}
			continue
		}
		_, digest, _ := strings.Cut(references[i], "@")
		p.report.Images = append(p.report.Images, report.Image{Service: r.Name, Digest: digest})
		p.images[r.Name] = references[i]
	}
	stage.Log = p.writeLog(stage.Name, log.String())
	if err := worst(errs); err != nil {
		return err
	}
	stage.Note = fmt.Sprintf("%d images in %s", len(recipes), target.Registry)
	return p.saveImages(target)
}

// makeImage returns the reference of an image by digest, and what was said.
func (p *pipeline) makeImage(ctx context.Context, r recipe, registry string) (reference, log string, err error) {
	repository := registry + "/" + r.Name
	var made made
	switch {
	case r.Service.Image.Reference != "":
		reference, err = p.resolve(ctx, r.Service.Image.Reference)
		return reference, "", err
	case r.Service.Image.Dockerfile != "":
		made, err = p.fromDockerfile(ctx, r)
	default:
		made, log, err = p.fromPackage(ctx, r)
	}
	if err != nil {
		return "", log, err
	}
	defer made.remove()
	if err := commandThere(r, made.image, made.trusted); err != nil {
		return "", log, err
	}
	reference, pushed, err := push(ctx, made.image, repository)
	if err != nil {
		return "", log, err
	}
	if pushed {
		p.progress.Say("  %s pushed", path.Base(repository))
	} else {
		log += "the registry has it already\n"
	}
	return reference, log, nil
}

// resolve finds the digest behind a name, through the engine and its mirrors.
func (p *pipeline) resolve(ctx context.Context, reference string) (string, error) {
	resolved, err := p.dag.Container().From(reference).ImageRef(ctx)
	return resolved, explain("find image "+reference, err)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"text/tabwriter"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/probe"
)

// A symptom is what doctor found of one thing.
type symptom struct {
	what string
	err  error
	note string
}

// doctor asks everything that a run would need, and says what to do about what
// does not answer.
func (c *cli) doctor(ctx context.Context) error {
	p, dir, err := c.load()
	if err != nil {
		return err
	}
	progress := newProgress(c.stderr)
	defer progress.Close()
	run := newPipeline(p, c.options, dir, progress)
	run.getenv = c.getenv
	symptoms := []symptom{{what: platform.File, note: fmt.Sprintf("%d services", len(p.Services))}, gitSymptom(ctx), run.engineSymptom(ctx)}
	symptoms = append(symptoms, run.targetSymptoms(ctx)...)
	w := tabwriter.NewWriter(c.stdout, 0, 8, 2, ' ', 0)
	var failed error
	for _, s := range symptoms {
		mark, note := "✓", s.note
		if s.err != nil {
			mark, note = "✗", s.err.Error()
			failed = s.err
		}
		fmt.Fprintf(w, "%s %s\t%s\n", mark, s.what, note)
		if h := run.hint(s.err); s.err != nil && h != "" {
			fmt.Fprintf(w, "\thint: %s\n", h)
		}
	}
	if err := w.Flush(); err != nil || failed == nil {
		return err
	}
	c.shown = true
	return &platform.InfrastructureError{Message: "something does not answer"}
}

func gitSymptom(ctx context.Context) symptom {
	out, err := exec.CommandContext(ctx, "git", "--version").Output()
	if err != nil {
		err = &platform.InfrastructureError{Message: "git is not installed", Advice: "install it: --affected needs it, and without it what git ignores is not left out of checks and images"}
	}
	return symptom{"git", err, string(trimLine(out))}
}

func trimLine(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == '\n' {
		b = b[:len(b)-1]
	}
	return b
}

func (p *pipeline) engineSymptom(ctx context.Context) symptom {
	start := time.Now()
	s := symptom{what: "Dagger engine"}
	if s.err = p.connect(ctx, false); s.err != nil {
		return s
	}
	version, err := p.dag.Version(ctx)
	if err == nil {
		_, err = p.dag.Container().From(p.platform.Toolchain.Image).ImageRef(ctx)
		err = explain("find the toolchain image "+p.platform.Toolchain.Image, err)
	}
	s.err, s.note = err, fmt.Sprintf("%s, answers after %s", version, seconds(time.Since(start)))
	if err := p.close(); s.err == nil {
		s.err = err
	}
	return s
}

// targetSymptoms asks the servers of the target, from this machine.
func (p *pipeline) targetSymptoms(ctx context.Context) []symptom {
	target, err := p.target()
	if err != nil {
		return []symptom{{what: "target " + p.report.Target, err: err}}
	}
	symptoms := []symptom{registrySymptom(ctx, target.Registry), clusterSymptom(ctx, target)}
	for _, kind := range sortedKeys(p.platform.Infrastructure) {
		variable := p.platform.Infrastructure[kind].Variable
		took, err := probe.Reach(ctx, kind, target.Values[variable], 5*time.Second)
		if err != nil {
			err = &platform.InfrastructureError{Message: err.Error(), Advice: "look at " + variable}
		}
		symptoms = append(symptoms, symptom{kind, err, "answers a query after " + seconds(took)})
	}
	if d := p.platform.Database; d != nil && p.platform.Infrastructure["postgres"].Variable != d.URL {
		server, err := database.Ping(ctx, target.Values[d.URL])
		symptoms = append(symptoms, symptom{"database", err, "PostgreSQL " + server.Version})
	}
	return symptoms
}

func clusterSymptom(ctx context.Context, target platform.Target) symptom {
	s := symptom{what: "cluster"}
	kubeconfig, server, err := kube.Flatten(target.Kubeconfig, kube.FlattenOptions{Context: target.Context})
	if err == nil {
		limited, stop := context.WithTimeout(ctx, 10*time.Second)
		defer stop()
		_, err = kube.Connect(limited, kubeconfig, "")
	}
	s.err, s.note = err, server
	return s
}

// registrySymptom asks for an image that nobody has, logged in as push is. Some
// registries refuse to say even that, so a refusal is a note.
func registrySymptom(ctx context.Context, registry string) symptom {
	s := symptom{what: "registry", note: registry}
	limited, stop := context.WithTimeoutCause(ctx, 5*time.Second, errors.New("no answer in 5s"))
	defer stop()
	repo, err := name.NewRepository(registry + "/doctor")
	if err == nil {
		_, err = remote.Head(repo.Tag("none"), remote.WithContext(limited), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	}
	if limited.Err() != nil {
		err = context.Cause(limited)
	}
	switch {
	case isRefusal(err):
		s.note += ", which may want a `docker login`"
	case err != nil && !isAnswer(err):
		s.err = &platform.InfrastructureError{Message: registry + " does not answer: " + cause(err.Error()), Advice: "look at registry in " + platform.File}
	}
	return s
}

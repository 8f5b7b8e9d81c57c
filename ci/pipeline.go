package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"dagger.io/dagger"

	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
)

// pipeline is one run of ci.
type pipeline struct {
	platform *platform.Platform
	options  Options
	dag      *dagger.Client // nil until connect
	progress *Progress
	report   report.Report
	npm      npmAccess
	run      string // unique, for what must never come from a cache
	dir      string // where ci was called

	selfOnce    func() (string, error)
	notUploaded func() []string
	packages    workspaceOnce
	sourcesOnce sync.Once
	sources     sources
	sourcesErr  error
	secretsMu   sync.Mutex
	secrets     map[string]string
	session     *Session
	owned       bool              // the session ends only when we end it
	images      map[string]string // references by digest, by name
	lock        *ledger.Lock      // of the environment, from the first stage that writes to it on
	migrated    *database.Migrated
	bases       bases
	getenv      func(string) string
}

func newPipeline(p *platform.Platform, o Options, dir string, progress *Progress) *pipeline {
	now := time.Now().UTC()
	target := o.Env
	if target == "" {
		target = "sandbox"
	}
	npm := findNpmAccess(p.Root)
	return &pipeline{
		platform: p, options: o, dir: dir, progress: progress,
		notUploaded: sync.OnceValue(func() []string {
			patterns := excludes(p.Root, o.Output)
			if npm.rootSecret {
				patterns = append(patterns, ".npmrc")
			}
			return patterns
		}),
		npm: npm, run: now.Format("20060102-150405-") + rand.Text()[:6],
		selfOnce: sync.OnceValues(copySelf), secrets: map[string]string{}, images: map[string]string{},
		report: report.Report{Images: []report.Image{}, Services: []report.Service{}, Platform: p.Name, Target: target, Commit: platform.Commit(p.Root), Started: &now},
	}
}

// connect opens the session that stages run in; own asks for one that survives
// Ctrl-C until the work is undone.
func (p *pipeline) connect(ctx context.Context, own bool) error {
	if p.session != nil && (p.owned || !own) {
		return nil
	}
	if err := gitReads(ctx, p.platform.Root); err != nil {
		return err
	}
	if err := p.close(); err != nil {
		return err
	}
	session, err := openSession(ctx, p.options.Output, own)
	if err != nil {
		return err
	}
	p.session, p.dag = session, session.Client
	p.owned = own || os.Getenv("DAGGER_SESSION_PORT") == ""
	return nil
}

func (p *pipeline) close() error {
	if p.session == nil {
		return nil
	}
	err := p.session.Close()
	p.session, p.dag = nil, nil
	return err
}

// Run runs the stages in order. The first one that fails ends the run; the
// checks count as one, and all of them run.
func (p *pipeline) Run(ctx context.Context, stages []string) (err error) {
	defer func() { err = errors.Join(err, p.close()) }()
	defer p.letGo(ctx)
	checks := slices.DeleteFunc(slices.Clone(stages), func(name string) bool { return !isCheck(name) })
	if len(checks) > 0 {
		if err := p.connect(ctx, false); err != nil {
			p.skip(stages, err)
			return err
		}
		if err := p.check(ctx, checks); err != nil {
			p.skip(stages[len(checks):], fmt.Errorf("a check before it failed"))
			return err
		}
	}
	rest := stages[len(checks):]
	for i, name := range rest {
		if err := p.stage(ctx, name); err != nil {
			p.skip(rest[i+1:], fmt.Errorf("%s before it failed", name))
			return err
		}
	}
	return nil
}

// stage runs one stage that is no check, and reports it.
func (p *pipeline) stage(ctx context.Context, name string) error {
	work := map[string]func(context.Context, *report.Stage) error{
		"images": p.makeImages, "backup": p.backup, "plan": p.plan, "migrate": p.migrate, "deploy": p.deploy, "accept": p.accept, "dev": p.dev,
	}[name]
	if work == nil {
		return &platform.UsageError{Message: "unknown stage " + name}
	}
	stage := report.Stage{Name: name, Status: report.Passed}
	start := time.Now()
	end := p.progress.Start(name)
	err := p.connect(ctx, name != "images" && name != "accept")
	if err == nil {
		err = p.within(ctx, name, func(ctx context.Context) error { return work(ctx, &stage) })
	}
	stage.Seconds = time.Since(start).Seconds()
	switch {
	case err == nil:
		end("✓")
	case ctx.Err() != nil:
		end("-")
		err = cancelled(name, err)
		stage.Status, stage.Error = report.Cancelled, err.Error()
	default:
		end("✗")
		stage.Status, stage.Error, stage.Hint, stage.Repeat = report.Failed, err.Error(), p.hint(err), p.repeat(name)
	}
	p.report.Stages = append(p.report.Stages, stage)
	return err
}

// cancelled is a stage that Ctrl-C ended. What its parts failed with then is
// no failure of theirs, and only worth telling where it says what was left.
func cancelled(name string, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s was cancelled; what had begun has ended", name)
	}
	return fmt.Errorf("%s was cancelled: %w", name, err)
}

// within gives work on a target its deadline: who waits for an answer that never
// comes holds the database and the others up. Images have one each, acceptance has
// its own, and dev has none.
func (p *pipeline) within(ctx context.Context, name string, work func(context.Context) error) error {
	limit := p.options.Timeout
	switch name {
	case "images", "accept", "dev":
		return work(ctx)
	case "deploy":
		for _, s := range p.platform.Services {
			limit += p.platform.DeadlineOf(s.Name)
		}
	}
	limited, stop := context.WithTimeout(ctx, limit)
	defer stop()
	err := work(limited)
	if err != nil && ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		return errors.Join(&timeoutError{name, limit}, err)
	}
	return err
}

// skip reports stages that did not run, and why.
func (p *pipeline) skip(names []string, why error) {
	for _, name := range names {
		p.report.Stages = append(p.report.Stages, report.Stage{Name: name, Status: report.Skipped, Note: why.Error()})
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

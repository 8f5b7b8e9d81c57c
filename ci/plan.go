package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/internal/rollout"
)

// plan says what deploy would change, and changes nothing: the images and the
// evidence are those of this run.
func (p *pipeline) plan(ctx context.Context, stage *report.Stage) error {
	if !hasManifests(p.platform) {
		stage.Status, stage.Note = report.Skipped, platform.File+" names no manifests"
		return nil
	}
	target, err := p.target()
	if err != nil {
		return err
	}
	images, err := p.knownImages(target, stage.Name)
	if err != nil {
		return err
	}
	var t tunnels
	c, err := p.deployContainer(ctx, target, images, &t)
	if err != nil {
		return err
	}
	outcome, _, log, err := inside[*plan.Plan](ctx, p, c, &t, "plan")
	stage.Log = p.writeLog(stage.Name, log)
	if err != nil {
		return err
	}
	folder := filepath.Join(p.options.Output, "plan")
	items, err := p.report.Evidence(folder)
	if err != nil {
		return err
	}
	planned, err := report.NewPlanned(outcome.Result, items, time.Now())
	if err != nil {
		return err
	}
	planned.Link = release.HolderOf(os.Getenv).Run
	if err := planned.WriteTo(folder); err != nil {
		return err
	}
	p.progress.Say("%s", planned.String())
	stage.Note = planned.Summary() + ", in " + shortPath(p.dir, folder)
	return nil
}

// planInside makes the plan from within a container.
func planInside(ctx context.Context) error {
	return record(ctx, func(ctx context.Context) (*plan.Plan, error) {
		p, o, err := readOrder()
		if err != nil {
			return nil, err
		}
		cluster, err := connectInside(ctx)
		if err != nil {
			return nil, err
		}
		var excluded []string
		objects, err := render(ctx, p, o, func(h kube.Hook) { excluded = append(excluded, h.String()) })
		if err != nil {
			return nil, err
		}
		book, err := ledger.Open(cluster, o.Ledger)
		if err != nil {
			return nil, err
		}
		planning := release.Planning{Ledger: book, Rollout: rollout.Options{
			Cluster: cluster, Namespace: o.Namespace, Objects: objects, Services: release.Services(p, o.Images),
			Deadline: p.DeadlineOf(""),
		}}
		if err := release.Verification(&planning.Rollout, p.Verify); err != nil {
			return nil, err
		}
		for _, name := range o.Values {
			planning.Secrets = append(planning.Secrets, os.Getenv(name))
		}
		var url string
		if p.Database != nil {
			url = os.Getenv(p.Database.URL)
		}
		if planning.Known, err = release.Known(ctx, p, url); err != nil {
			return nil, err
		}
		if p.Database != nil {
			planning.Known.Migrator = o.Images[plan.MigratorImage]
		}
		planning.Known.By, planning.Known.Source, planning.Known.Excluded = o.Record.By.Name(), o.Record.Source, excluded
		return release.Plan(ctx, planning)
	})
}

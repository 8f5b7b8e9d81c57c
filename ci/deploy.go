package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"dagger.io/dagger"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/internal/rollout"
)

// Where a deploy finds its inputs in the container.
const (
	kubeconfigPath = "/run/slipway/kubeconfig"
	orderPath      = "/run/slipway/order.json"
	manifestsPath  = "/run/slipway/manifests.yaml"
)

// order is what a deploy is to do, beside what slipway.yaml says. No secrets.
type order struct {
	Ledger    platform.Owner    `json:"ledger"` // whose release it is
	History   int               `json:"history"`
	Record    ledger.Record     `json:"record"` // what is known of it before it begins
	Lock      ledger.Share      `json:"lock"`   // which this run holds; a plan needs none
	Namespace string            `json:"namespace"`
	Overlay   string            `json:"overlay"`
	Images    map[string]string `json:"images"`
	Values    []string          `json:"values"`             // names of the variables that hold secrets
	Deadline  time.Duration     `json:"deadline,omitempty"` // that nothing may take longer than; 0 for what slipway.yaml says
	Terminal  bool              `json:"terminal"`           // somebody looks at one
	Inject    []string          `json:"inject,omitempty"`   // SERVICE:NAME=VALUE, to see a release fail
}

// deployed is what a deploy did.
type deployed struct {
	Release *release.Outcome `json:"release"`
	Detail  string           `json:"detail"` // of the failure, for people
	Runs    string           `json:"runs"`   // by now, in a sentence
}

// deploy releases the services in order, from a container next to nothing.
func (p *pipeline) deploy(ctx context.Context, stage *report.Stage) error {
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
	ctx, err = p.hold(ctx, target)
	if err != nil {
		return err
	}
	var t tunnels
	c, err := p.deployContainer(ctx, target, images, &t)
	if err != nil {
		return err
	}
	outcome, _, log, err := inside[deployed](ctx, p, c, &t, "deploy")
	result := outcome.Result
	stage.Log = p.writeLog(stage.Name, log+result.Detail)
	if result.Release != nil {
		p.reportRelease(result.Release)
	}
	p.report.Runs = result.Runs
	if err != nil {
		if result.Detail != "" {
			p.progress.Say("%s", indent(result.Detail))
		}
		return err
	}
	stage.Note = fmt.Sprintf("%s, release %s", report.Total(result.Release.Record.Outcomes), p.report.Release)
	return nil
}

// keepRecord writes a copy of a record, which can be read when the cluster is
// away: whatever ci dies of, the last one that the ledger got is there.
func (p *pipeline) keepRecord(r *ledger.Record) {
	if err := r.WriteTo(p.options.Output); err != nil {
		p.progress.Say("  the copy of the release's record is lost: %v", err)
	}
}

// reportRelease keeps what became of a release.
func (p *pipeline) reportRelease(outcome *release.Outcome) {
	if outcome.Record != nil {
		p.report.Release = fmt.Sprintf("%s #%d", outcome.Record.Environment, outcome.Number)
	}
	if outcome.Rollout != nil {
		p.reportServices(outcome.Rollout)
	}
}

func (p *pipeline) reportServices(r *rollout.Result) {
	for _, s := range r.Services {
		p.report.Services = append(p.report.Services, report.Service{
			Name: s.Name, Order: s.Order, Port: s.Port, Image: s.Image, Seconds: s.Seconds, Outcome: string(s.Outcome),
			Healthy: s.Outcome == rollout.Released || s.Outcome == rollout.Unchanged, // what was taken back runs, but not this image
		})
	}
	for _, u := range r.Undone {
		state := "verified"
		if !u.Verified {
			state = "NOT verified " + u.Error
		}
		p.progress.Say("  taken back: %s %s, %s", u.ID, u.Action, state)
	}
}

// deployContainer holds the sources, for their manifests, and the keys.
func (p *pipeline) deployContainer(ctx context.Context, target platform.Target, images map[string]string, t *tunnels) (*dagger.Container, error) {
	kubeconfig, err := flatten(target, t)
	if err != nil {
		return nil, err
	}
	record := ledger.Record{By: release.HolderOf(p.getenv), Source: p.report.Commit, Migrator: images[plan.MigratorImage]}
	if m := p.migrated; m != nil {
		record.Migrations, record.Schema = m.Applied, &ledger.Schema{Before: m.Before, After: m.After}
	}
	if b := p.report.Backup; b != nil {
		record.Evidence = []ledger.Evidence{{Kind: plan.Backup, Name: "database", SHA256: b.SHA256, At: time.Now().UTC(), Passed: b.Verified, File: b.Path}}
	}
	o := order{
		Ledger: target.Owner(), History: target.History, Record: record,
		Namespace: target.Namespace, Overlay: target.Overlay, Images: images, Inject: p.options.Inject,
		Terminal: p.progress.Line() != nil,
		Values:   sortedKeys(target.Values), Deadline: p.options.deadline(),
	}
	if p.lock != nil {
		o.Lock = p.lock.Share()
	}
	var manifests string
	if command := p.platform.Manifests.Command; command != "" {
		if manifests, err = p.printManifests(ctx, command); err != nil {
			return nil, err
		}
	}
	data, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	c := p.dag.Container().From(platform.DefaultBase).WithUser("0").WithWorkdir(workdir).
		WithMountedDirectory(workdir, p.source()).
		WithNewFile(orderPath, string(data)).
		WithNewFile(manifestsPath, manifests).
		WithMountedSecret(kubeconfigPath, p.dag.SetSecret("kubeconfig-"+p.report.Target, string(kubeconfig)))
	return p.withValues(c, target, t)
}

// flatten makes a kubeconfig that works without the files around it, and with
// tunnels in a container.
func flatten(target platform.Target, t *tunnels) ([]byte, error) {
	options := kube.FlattenOptions{Context: target.Context}
	kubeconfig, server, err := kube.Flatten(target.Kubeconfig, options)
	if err != nil {
		return nil, &platform.UsageError{Message: err.Error(), Advice: "`kubectl config view` shows what the file holds"}
	}
	u, err := url.Parse(server)
	if err != nil {
		return nil, fmt.Errorf("read the server's address in the kubeconfig: %w", err)
	}
	if t == nil || !loopback(u.Hostname()) {
		return kubeconfig, nil
	}
	if options.Server, err = t.through(server, 443); err != nil {
		return nil, err
	}
	kubeconfig, _, err = kube.Flatten(target.Kubeconfig, options)
	return kubeconfig, err
}

// printManifests runs the command that prints YAML, such as helm template, in
// the toolchain image.
func (p *pipeline) printManifests(ctx context.Context, command string) (string, error) {
	limited, stop := context.WithTimeout(ctx, p.options.Timeout)
	defer stop()
	text, err := p.toolchain().WithDirectory(workdir, p.source()).WithExec([]string{"sh", "-c", command}).Stdout(limited)
	var failed *dagger.ExecError
	if errors.As(err, &failed) {
		return "", &advised{
			fmt.Errorf("print manifests: %s failed with exit code %d: %s", command, failed.ExitCode, strings.Join(lastLines(failed.Stderr, 3), " ")),
			"it runs in " + p.platform.Toolchain.Image + ", in the folder of " + platform.File + "; try it there",
		}
	}
	return text, explain("print manifests", err)
}

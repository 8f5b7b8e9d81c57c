// Package environment opens the environment that a command of slipway works on.
package environment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/notify"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/internal/rollout"
)

// Flags say which environment of which repository.
type Flags struct {
	Root string
	Env  string
	Out  string // folder for copies of the records that are written; "" for none
}

// Add adds the flags to a command.
func (f *Flags) Add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.Root, "root", ".", "folder with "+platform.File)
	cmd.Flags().StringVar(&f.Env, "env", "", "environment of "+platform.File+", or sandbox")
	action.Name(cmd, "env")
	_ = cmd.MarkFlagRequired("env") // fails only for a flag that is not there
}

// namesCluster is where the path of the kubeconfig comes from.
func (f Flags) namesCluster(p *platform.Platform) string {
	switch e, named := p.Environments[f.Env]; {
	case os.Getenv(platform.KubeconfigVariable) != "":
		return platform.KubeconfigVariable
	case named:
		return cmp.Or(e.Kubeconfig, "KUBECONFIG")
	}
	return platform.EnvFile
}

// Environment is one that was opened.
type Environment struct {
	Platform *platform.Platform
	Target   platform.Target
	Cluster  *kube.Cluster
	Ledger   *ledger.Ledger

	number  int            // of the release that began here, 0 before
	showing sync.WaitGroup // what GitHub is told meanwhile
	telling sync.WaitGroup // and people, of the start: they are in told once they were
	told    []plan.Finding
}

// Open connects to the cluster of the environment and finds its ledger.
func (f Flags) Open(ctx context.Context) (*Environment, error) {
	p, err := platform.Load(f.Root)
	if err != nil {
		return nil, err
	}
	target, err := p.Place(f.Env, os.Getenv)
	if err != nil {
		return nil, err
	}
	action.Mask(platform.Forms(platform.Secrets(secrets(target)))...)
	kubeconfig, err := os.ReadFile(target.Kubeconfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &platform.UsageError{Message: "there is no kubeconfig " + target.Kubeconfig, Advice: "correct what names it: " + f.namesCluster(p)}
	} else if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	cluster, err := kube.Connect(ctx, kubeconfig, target.Context)
	if err != nil {
		return nil, err
	}
	book, err := ledger.Open(cluster, target.Owner())
	if err != nil {
		return nil, err
	}
	book.Keep = target.History
	if f.Out != "" {
		book.Copy = copies(f.Out)
	}
	return &Environment{Platform: p, Target: target, Cluster: cluster, Ledger: book}, nil
}

// Gate of the environment, nil if it has none.
func (e *Environment) Gate() *platform.Gate {
	return e.Platform.Environments[e.Target.Environment].Gate
}

// Outputs of the commands that release or take back.
var Outputs = map[string]string{
	"release": "number of the release in the environment's ledger",
	"state":   "how it ended: released, failed (and rolled back), uninstalled, stuck, or running where another run has to go on",
	"verdict": "what was found at the end, in a sentence",
}

// Tell says what became of a release, nil for none, and what is known of each
// service that failed, to a person, to later steps of the workflow and to those
// who want to be notified.
func (e *Environment) Tell(ctx context.Context, w io.Writer, outcome *release.Outcome, err error) {
	for _, f := range rollout.Failures(err) {
		fmt.Fprint(w, f.String())
	}
	if outcome == nil {
		return
	}
	fmt.Fprintf(w, "%s %s: %s\n", e.Ledger.Name(outcome.Number), outcome.Word(), outcome.Verdict)
	action.Output("release", strconv.Itoa(outcome.Number))
	action.Output("state", outcome.Word())
	action.Output("verdict", outcome.Verdict)
	if outcome.Record != nil && len(outcome.Record.Outcomes) > 0 {
		fmt.Fprintln(w, report.Total(outcome.Record.Outcomes))
	}
	runs := e.Ledger.Now(ctx)
	if outcome.State != ledger.Released && runs != "" {
		fmt.Fprintf(w, "%s %s\n", e.Ledger.Environment, runs)
	}
	action.Summary(e.summary(outcome, runs))
	e.page(ctx, w, outcome, runs)
	if outcome.State == ledger.Running {
		undelivered(w, e.started())
		return // another run goes on with it, or takes it back, and tells how it ended
	}
	m := notify.Message{Event: eventOf(outcome), Verdict: outcome.Verdict}
	if outcome.Record != nil {
		m.By, m.Started = outcome.Record.By.Name(), &outcome.Record.Started
	}
	e.Told(ctx, w, outcome.Number, m)
	e.Show(ctx, w) // last: people come before it, where a runner leaves little time
}

// pageFile is where a workflow finds the report, to keep it as an artifact.
const pageFile = ".slipway/report/report.html"

// page writes the release's report in a workflow; a person asks for it with
// `slipway release N --html`.
func (e *Environment) page(ctx context.Context, w io.Writer, outcome *release.Outcome, runs string) {
	if outcome.Record == nil || os.Getenv("GITHUB_ACTIONS") != "true" {
		return
	}
	p := report.Page{Name: e.Ledger.Name(outcome.Number), Record: outcome.Record, Runs: runs}
	if outcome.Rollout != nil && outcome.Rollout.Failure != nil {
		p.Logs = outcome.Rollout.Failure.Logs
	}
	if outcome.State == ledger.Released {
		p.Said = e.Said(ctx, outcome.Record)
	}
	if err := p.WriteFile(pageFile); err != nil {
		warn(w, err.Error())
	}
}

// summary is the release for the page of the workflow's run.
func (e *Environment) summary(outcome *release.Outcome, runs string) string {
	shown := report.Released{Environment: e.Ledger.Environment, Runs: runs, Name: e.Ledger.Name(outcome.Number), State: outcome.Word(), Verdict: outcome.Verdict}
	if r := outcome.Record; r != nil {
		shown.By, shown.Next, shown.Link = r.By.Name(), report.Next(r), r.By.Run
		shown.Approved = report.Approved{Digest: r.Approval, Approvals: r.Approvals, Evidence: r.Evidence, Findings: r.Findings}
		shown.Services = report.Outcomes(r)
		shown.Database = report.Page{Record: r}.Database()
		for _, s := range r.Steps {
			if s.Ended != nil {
				shown.Spans = append(shown.Spans, report.Span{Name: s.Name, Begun: s.Begun, Ended: *s.Ended, Failed: s.Error != ""})
			}
		}
	}
	return shown.Markdown()
}

// Release is how a release of this environment is continued or taken back,
// with its progress on w.
func (e *Environment) Release(w io.Writer) (release.Options, error) {
	screen := action.NewScreen(w)
	say := screen.Say
	redact := platform.Redactor(slices.Collect(maps.Values(e.Target.Values)))
	o := release.Options{
		Verify: func(ctx context.Context, r *ledger.Record) error {
			return e.Verifier(say).Of(r).Verify(ctx)
		},
		Failing: func(ctx context.Context) []ledger.Condition { return e.Verifier(say).Failing(ctx) },
		Begun:   e.begun,
		Ledger:  e.Ledger, Record: ledger.Record{By: release.HolderOf(os.Getenv)}, Say: say,
		Rollout: rollout.Options{
			Cluster: e.Cluster, Namespace: e.Target.Namespace, Deadline: e.Platform.DeadlineOf(""),
			Neighbours: release.Services(e.Platform, nil),
			Progress:   release.Teller(say, screen.Line()),
			Redact:     redact,
			Grace:      grace(),
		},
	}
	if url, err := e.DatabaseURL(); err == nil && url != "" {
		o.Migrator = release.Migrations{
			Cluster: e.Cluster, Namespace: e.Target.Namespace, Platform: e.Platform, URL: url, Values: e.Target.Values,
			Holder: o.Record.By, Redact: o.Rollout.Redact, Say: say,
		}
	}
	return o, release.Verification(&o.Rollout, e.Platform.Verify)
}

// Verifier verifies this environment as a whole, beside what was before now.
func (e *Environment) Verifier(say func(string, ...any)) release.Verifier {
	v := release.Verifier{
		Cluster: e.Cluster, Namespace: e.Target.Namespace, Ledger: e.Ledger.Namespace, Platform: e.Platform, Began: time.Now(), Say: say,
		Redact: platform.Redactor(slices.Collect(maps.Values(e.Target.Values))),
	}
	if m := e.Platform.Verify.Metrics; m != nil {
		v.Prometheus = e.Target.Values[m.Prometheus]
	}
	return v
}

// grace is what a runner leaves a step of a workflow that is cancelled: INT,
// TERM after 7.5 s, KILL 2.5 s later (actions/runner, ProcessInvoker); others that
// stop a process wait as long or a little longer. A person at a terminal waits,
// or presses Ctrl-C again.
func grace() time.Duration {
	if os.Getenv("GITHUB_ACTIONS") == "true" || !action.AtTerminal(os.Stdin) {
		return 6 * time.Second
	}
	return 0
}

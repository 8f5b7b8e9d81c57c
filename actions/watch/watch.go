// Package watch is `slipway watch`: the day after a release.
package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/notify"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/rollout"
	"github.com/teei/slipway/internal/watch"
)

// Options of `slipway watch`.
type Options struct {
	environment.Flags
	For, Every  time.Duration
	JSON        bool
	Acknowledge int
	Reason      string
}

// Command is `slipway watch`.
func Command() *cobra.Command {
	o := Options{}
	cmd := &cobra.Command{
		Use: "watch", Short: "Look after the release that an environment is at", Args: cobra.NoArgs,
		Long: "Look after the release that an environment is at, until it is proven: are its services healthy, did\n" +
			"containers end, do more requests fail or take longer than before it, are there critical log lines?\n" +
			"One look, from a scheduled workflow, or with --for one every quarter of an hour. What is found goes\n" +
			"into the ledger. A breach is an error, and the release is taken back, or the rollback workflow started,\n" +
			"if watch.onBreach says so; what happens to a release that ended in the middle, watch.onAbandoned says.",
		RunE: func(cmd *cobra.Command, _ []string) error { return Run(cmd.Context(), o, cmd.OutOrStdout()) },
	}
	action.Outputs(cmd, map[string]string{
		"release": "the release that is watched, such as production #42",
		"state":   "watching, breached, proven, unproven, abandoned, releasing or nothing to watch",
		"seen":    "how many findings this look has",
		"verdict": "where a release was taken back, or resumed, by itself: what was found at the end, in a sentence",
	})
	o.Add(cmd)
	o.AddOut(cmd)
	cmd.Flags().DurationVar(&o.For, "for", 0, "keep looking for so long, such as 24h (default: one look)")
	cmd.Flags().DurationVar(&o.Every, "every", 15*time.Minute, "time between two looks, with --for")
	cmd.Flags().BoolVar(&o.JSON, "json", false, "print each look as a line of JSON")
	cmd.Flags().IntVar(&o.Acknowledge, "acknowledge", 0, "number of a finding of this release that was looked into and may stay; nothing is looked at")
	cmd.Flags().StringVar(&o.Reason, "reason", "", "why it may stay, with --acknowledge")
	return cmd
}

// BreachError says that a release is not as it must be.
type BreachError struct {
	Release, Environment string
	Findings             []ledger.Finding
	Proving              bool   // the time is over
	Kept                 string // why it is not taken back by itself
	Dispatched           *ledger.Dispatched
}

func (e *BreachError) Error() string {
	var texts []string
	for _, f := range e.Findings {
		texts = append(texts, fmt.Sprintf("%s of %s (finding %d): %s", f.Kind, f.Subject, f.Number, f.Text))
	}
	what := " is not as it must be: "
	if e.Proving {
		what = " is not proven, its findings were not acknowledged: "
	}
	text := e.Release + what + strings.Join(texts, "; ")
	if e.Kept != "" {
		text += "; it is not taken back by itself: " + e.Kept
	}
	if e.Dispatched != nil {
		text += "; " + e.Dispatched.String()
	}
	return text
}

// Usage marks that it is no wrong use, also where the way back was refused beside it.
func (e *BreachError) Usage() bool { return false }

// Hint says what to do about it.
func (e *BreachError) Hint() string {
	if e.Dispatched != nil {
		return fmt.Sprintf("approve that at %s, where it waits; a finding that may stay: `slipway watch --env %s --acknowledge N --reason …`", e.Dispatched.Link, e.Environment)
	}
	return fmt.Sprintf("`slipway rollback --env %[1]s` goes back to the release before; a finding that may stay: `slipway watch --env %[1]s --acknowledge N --reason …`", e.Environment)
}

// AbandonedError says that a release ended in the middle.
type AbandonedError struct{ Release, Environment string }

func (e *AbandonedError) Error() string {
	return e.Release + " ended in the middle, and nobody works on it"
}

// Hint says what to do about it.
func (e *AbandonedError) Hint() string {
	return fmt.Sprintf("`slipway resume --env %[1]s` goes on, `slipway rollback --env %[1]s` takes it back; watch.onAbandoned in slipway.yaml does one of them by itself", e.Environment)
}

// Run looks once, or for as long as was asked for.
func Run(ctx context.Context, o Options, w io.Writer) error {
	if (o.Acknowledge > 0) != (o.Reason != "") {
		return &platform.UsageError{Message: "--acknowledge and --reason belong together", Advice: "say which finding may stay, and why"}
	}
	if o.Every <= 0 {
		return &platform.UsageError{Message: fmt.Sprintf("--every %s is no time between two looks", o.Every), Advice: "such as --every 15m"}
	}
	e, err := o.Open(ctx)
	if err != nil {
		return err
	}
	if o.Acknowledge > 0 {
		return acknowledge(ctx, e, o, w)
	}
	options, err := watching(e)
	if err != nil {
		return err
	}
	if o.For > 0 {
		var stop func()
		ctx, stop = context.WithTimeoutCause(ctx, o.For, errOver)
		defer stop()
	}
	report, err := watch.Run(ctx, options, ticks(ctx, o), func(r *watch.Report) { tell(w, e, r, o.JSON) })
	if err != nil && errors.Is(context.Cause(ctx), errOver) {
		fmt.Fprintln(w, "the time to watch was over in the middle of a look, which tells nothing")
		err = nil
	}
	if err != nil || report == nil {
		return err
	}
	spread(ctx, e, report, w)
	err = act(ctx, e, report, w)
	outputs(e, report) // once more: a release that was taken back has told of itself
	return err
}

// spread tells of what is new: a breach when it is first seen, and a release that
// has just been proven.
func spread(ctx context.Context, e *environment.Environment, r *watch.Report, w io.Writer) {
	if !r.Looked {
		return
	}
	e.Watched(ctx, w, r.Release)
	m := notify.Message{By: r.Release.By.Name()}
	for _, f := range r.Seen {
		if f.Breach && f.Count == 1 {
			m.Event, m.Verdict = platform.Breached, fmt.Sprintf("%s of %s: %s", f.Kind, f.Subject, f.Text)
			e.Told(ctx, w, r.Release.Number, m)
		}
	}
	if r.State == watch.Proven {
		m.Event, m.Verdict = platform.Proven, r.Release.Watch.Summary
		e.Told(ctx, w, r.Release.Number, m)
	}
}

var errOver = errors.New("the time to watch is over")

// ticks are the times to look at: now, and then regularly if there is time.
func ticks(ctx context.Context, o Options) <-chan time.Time {
	out := make(chan time.Time, 1)
	out <- time.Now()
	if o.For == 0 {
		close(out)
		return out
	}
	go func() {
		beat := time.NewTicker(o.Every)
		defer beat.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-beat.C:
				select {
				case out <- now:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out
}

// patience is how long a service may take to answer; a node that is drained
// takes its pods along for a while.
const patience = time.Minute

func watching(e *environment.Environment) (watch.Options, error) {
	v := e.Verifier(func(string, ...any) {})
	o := rollout.Options{Cluster: e.Cluster, Namespace: e.Target.Namespace, Services: release.Services(e.Platform, nil), Deadline: patience, Redact: v.Redact}
	if err := release.Verification(&o, e.Platform.Verify); err != nil {
		return watch.Options{}, err
	}
	eyes := watch.Eyes{Rollout: o}
	switch m := e.Platform.Verify.Metrics; {
	case m == nil || m.Prometheus == "":
	case v.Prometheus == "":
		eyes.Unmeasured = m.Prometheus
	default:
		analysis := v.Analysis(time.Now(), 0)
		eyes.Analysis = &analysis
	}
	return watch.Options{Feedback: e.Feedback(), Ledger: e.Ledger, For: e.Platform.Watch.For.Duration, Breach: e.Platform.Watch.Breach, Look: eyes.Look}, nil
}

// tell says what a look found.
func tell(w io.Writer, e *environment.Environment, r *watch.Report, asJSON bool) {
	name := e.Ledger.Environment
	if r.Release != nil {
		name = e.Ledger.Name(r.Release.Number)
		action.Output("release", name)
	}
	action.Output("state", string(r.State))
	action.Output("seen", fmt.Sprint(len(r.Seen)))
	if asJSON {
		_ = json.NewEncoder(w).Encode(r) // a terminal that is gone needs nothing
		return
	}
	fmt.Fprintf(w, "%s  %s  %s\n", time.Now().Format(time.DateTime), name, r.State)
	for _, f := range r.Seen {
		acknowledged := ""
		if f.Acknowledged != "" {
			acknowledged = " (acknowledged by " + f.Acknowledged + ")"
		}
		fmt.Fprintf(w, "  %d  %s of %s: %s%s\n", f.Number, f.Kind, f.Subject, f.Text, acknowledged)
	}
	if r.Inconclusive != "" {
		fmt.Fprintln(w, "  metrics are inconclusive: "+r.Inconclusive)
	}
	if r.Release != nil && r.Release.Watch != nil && r.Release.Watch.Summary != "" {
		fmt.Fprintln(w, "  "+r.Release.Watch.Summary)
	}
}

// outputs tells later steps what was found, and returns of which release.
func outputs(e *environment.Environment, r *watch.Report) (name string) {
	name = e.Ledger.Environment
	if r.Release != nil {
		name = e.Ledger.Name(r.Release.Number)
	}
	action.Output("release", name)
	action.Output("state", string(r.State))
	action.Output("seen", fmt.Sprint(len(r.Seen)))
	return name
}

// act does what slipway.yaml allows about what was found.
func act(ctx context.Context, e *environment.Environment, r *watch.Report, w io.Writer) error {
	rules := e.Platform.Watch
	switch r.State {
	case watch.Breached, watch.Unproven:
		breach := &BreachError{Release: e.Ledger.Name(r.Release.Number), Environment: e.Ledger.Environment, Findings: r.Open(), Proving: r.State == watch.Unproven}
		if r.State == watch.Unproven || rules.OnBreach == platform.Alert {
			return breach
		}
		return takeBack(ctx, e, r, breach, w)
	case watch.Abandoned:
		switch rules.OnAbandoned {
		case platform.Resume:
			fmt.Fprintln(w, "watch.onAbandoned: it goes on")
			return carry(ctx, e, w, release.Resume)
		case platform.Rollback:
			fmt.Fprintln(w, "watch.onAbandoned: it is taken back")
			return carry(ctx, e, w, func(ctx context.Context, o release.Options) (*release.Outcome, error) {
				return release.Rollback(ctx, o, release.Unfinished)
			})
		}
		return &AbandonedError{Release: e.Ledger.Name(r.Release.Number), Environment: e.Ledger.Environment}
	case watch.Nothing, watch.Busy, watch.Watching, watch.Proven:
	}
	return nil
}

// takeBack takes the release back, or has that done by its workflow; which release
// stays all the same, its findings say.
func takeBack(ctx context.Context, e *environment.Environment, r *watch.Report, breach *BreachError, w io.Writer) (err error) {
	if e.Platform.Watch.OnBreach == platform.Dispatch {
		breach.Dispatched, err = dispatch(ctx, e, r.Release, w)
	} else {
		err = carry(ctx, e, w, func(ctx context.Context, o release.Options) (*release.Outcome, error) {
			return release.TakeBack(ctx, o, r.Release.Number)
		})
	}
	if breach.Kept = whyKept(err); breach.Kept == "" {
		return errors.Join(breach, err)
	}
	return errors.Join(breach, watch.Keep(ctx, e.Ledger, r.Release.Number, breach.Findings, breach.Kept))
}

// whyKept is why a release stays though it is not as it must be, "" for another error:
// it is not to be taken back, or others own what would go back.
func whyKept(err error) string {
	var kept *release.KeptError
	var opposed *rollout.NotOursError
	switch {
	case errors.As(err, &kept):
		return kept.Why
	case errors.As(err, &opposed):
		return rollout.Clean(opposed.Error())
	}
	return ""
}

// carry makes a release's way on or back, and says what came of it.
func carry(ctx context.Context, e *environment.Environment, w io.Writer, way func(context.Context, release.Options) (*release.Outcome, error)) error {
	o, err := e.Release(w)
	if err != nil {
		return err
	}
	outcome, err := way(ctx, o)
	e.Tell(ctx, w, outcome, err)
	return err
}

func acknowledge(ctx context.Context, e *environment.Environment, o Options, w io.Writer) error {
	record, err := e.Ledger.Present(ctx)
	if err != nil {
		return err
	}
	if record == nil {
		return &platform.UsageError{Message: "acknowledge: " + e.Ledger.Environment + " is at no release", Advice: "`slipway releases` lists what was released"}
	}
	f, err := watch.Acknowledge(ctx, e.Ledger, record.Number, o.Acknowledge, release.HolderOf(os.Getenv).Name(), o.Reason)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s: %s of %s is acknowledged by %s\n", e.Ledger.Name(record.Number), f.Kind, f.Subject, f.Acknowledged)
	return nil
}

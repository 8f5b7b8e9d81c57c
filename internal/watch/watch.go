// Package watch observes what a release left, for a day: health, restarts,
// errors, latency and logs, beside the release's own past. What it finds goes
// into the release's record.
package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/teei/slipway/internal/ledger"
)

// State is what a look says of an environment.
type State string

// The states that a look can find.
const (
	Nothing   State = "nothing to watch" // no release is younger than it is watched
	Busy      State = "releasing"        // a release is under way
	Abandoned State = "abandoned"        // a release ended in the middle, and nobody works on it
	Watching  State = "watching"
	Breached  State = "breached" // something is as it must not be
	Proven    State = "proven"   // it stayed as it should be for as long as it is watched
	Unproven  State = "unproven" // the time is over, and something was never acknowledged
)

// Sight is something seen that should not be.
type Sight struct {
	Kind    string // health, restarts, errors, latency, logs, feedback or metrics
	Subject string // the service, the issue, or the variable
	Text    string
	// Unanswered marks what one look in a row may leave open: Prometheus may be
	// restarting. It is a finding when the next look sees it too.
	Unanswered bool
}

// Options say what is watched, and how.
type Options struct {
	Ledger *ledger.Ledger
	// For is how long a release is watched after its end.
	For time.Duration
	// Breach lists the kinds that are a breach and not only a finding.
	Breach []string
	// Look sees what should not be at a release, and has come up since the last look.
	Look func(ctx context.Context, release *ledger.Record, since, now time.Time) ([]Sight, error)
	// Feedback lists what people reported since; nil if nobody is asked.
	Feedback func(ctx context.Context, since time.Time) ([]Sight, error)
}

// Report is what one look found.
type Report struct {
	State   State          `json:"state"`
	Release *ledger.Record `json:"release,omitempty"`
	// Seen are the findings of this look, those of earlier looks are in the release.
	Seen []ledger.Finding `json:"seen,omitempty"`
	// Inconclusive is why this look says nothing of errors and latency, where that is
	// no finding yet.
	Inconclusive string `json:"inconclusive,omitempty"`
	// Looked is false where there was nothing left to look at.
	Looked bool `json:"-"`
}

// Open are the findings that nobody acknowledged and that are a breach, or keep
// the release from being proven: of this look, or of all once the time is over.
func (r *Report) Open() (open []ledger.Finding) {
	findings := r.Seen
	if r.State == Unproven {
		findings = r.Release.Watch.Findings
	}
	for _, f := range findings {
		if keeps(f) {
			open = append(open, f)
		}
	}
	return open
}

// keeps reports whether a finding keeps a release from being proven.
func keeps(f ledger.Finding) bool {
	return f.Acknowledged == "" && (f.Breach || f.Kind == Feedback || f.Kind == Unmeasured)
}

// Run looks at every tick, at the time that the tick says, until the release is
// proven or not, something is breached or abandoned, or the ticks or ctx end. It
// tells each look and returns the last.
func Run(ctx context.Context, o Options, tick <-chan time.Time, tell func(*Report)) (*Report, error) {
	var last *Report
	for {
		select {
		case <-ctx.Done():
			return last, context.Cause(ctx)
		case now, more := <-tick:
			if !more {
				return last, nil
			}
			report, err := Once(ctx, o, now)
			if err != nil {
				return last, err
			}
			last = report
			tell(report)
			if report.State != Watching && report.State != Busy {
				return report, nil
			}
		}
	}
}

// Once looks at the release that the environment is at.
func Once(ctx context.Context, o Options, now time.Time) (*Report, error) {
	abandoned, err := o.Ledger.Abandoned(ctx)
	if err != nil {
		return nil, err
	}
	if abandoned != nil {
		return &Report{State: Abandoned, Release: abandoned}, nil
	}
	records, err := o.Ledger.Releases(ctx)
	if err != nil && !errors.As(err, new(*ledger.DamagedError)) {
		return nil, err
	}
	record, state := o.present(records, now)
	if state != Watching {
		return &Report{State: state, Release: record}, nil
	}
	since := *record.Ended
	if record.Watch != nil {
		since = record.Watch.Last
	}
	sights, err := o.Look(ctx, record, since, now)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", o.Ledger.Name(record.Number), err)
	}
	if o.Feedback != nil {
		reported, err := o.Feedback(ctx, *record.Ended)
		if err != nil {
			return nil, fmt.Errorf("watch %s: ask for feedback: %w", o.Ledger.Name(record.Number), err)
		}
		sights = append(sights, reported...)
	}
	report := &Report{Looked: true}
	report.Release, err = o.Ledger.Amend(ctx, record.Number, func(r *ledger.Record) error {
		var sure []Sight
		sure, report.Inconclusive = certain(r, sights)
		report.Seen = o.note(r, sure, now)
		report.State = o.state(r, report.Seen, now)
		return nil
	})
	return report, err
}

// present is the release that the environment is at, if there is something to watch.
func (o Options) present(records []*ledger.Record, now time.Time) (*ledger.Record, State) {
	for _, r := range records {
		switch {
		case !r.State.Finished():
			return r, Busy
		case r.State != ledger.Released || r.Ended == nil:
			continue // it changed nothing, or is no longer there
		case r.Word() == ledger.Uninstalled:
			return nil, Nothing
		case r.Watch != nil && r.Watch.Proven != nil:
			return r, Proven
		case r.Watch != nil && r.Watch.Summary != "":
			if o.open(r) == 0 {
				return r, Watching // what kept it from being proven was acknowledged since
			}
			return r, Unproven
		case r.Watch == nil && now.After(r.Ended.Add(o.For)):
			return r, Nothing
		}
		return r, Watching
	}
	return nil, Nothing
}

// certain leaves out that Prometheus did not answer, where the look before was
// answered, and says why this one was not.
func certain(r *ledger.Record, sights []Sight) (sure []Sight, inconclusive string) {
	if r.Watch == nil {
		r.Watch = &ledger.Watch{}
	}
	w := r.Watch
	i := slices.IndexFunc(sights, func(s Sight) bool { return s.Unanswered })
	if i < 0 {
		w.Unanswered = 0
		return sights, ""
	}
	w.Unanswered++
	if w.Unanswered > 1 {
		return sights, ""
	}
	return slices.Delete(slices.Clone(sights), i, i+1), sights[i].Text
}

// mostFindings that a record keeps.
const mostFindings = 100

// note merges what was seen into the record and returns it as findings.
func (o Options) note(r *ledger.Record, sights []Sight, now time.Time) (seen []ledger.Finding) {
	w := r.Watch
	w.Last, w.Looks = now, w.Looks+1
	for _, s := range sights {
		i := slices.IndexFunc(w.Findings, func(f ledger.Finding) bool { return f.Kind == s.Kind && f.Subject == s.Subject })
		if i < 0 {
			if len(w.Findings) == mostFindings {
				continue
			}
			w.Findings = append(w.Findings, ledger.Finding{
				Number: len(w.Findings) + 1, Kind: s.Kind, Subject: s.Subject, Text: short(s.Text), First: now,
				Breach: slices.Contains(o.Breach, s.Kind),
			})
			i = len(w.Findings) - 1
		}
		w.Findings[i].Last, w.Findings[i].Count = now, w.Findings[i].Count+1
		seen = append(seen, w.Findings[i])
	}
	return seen
}

func short(text string) string {
	if runes := []rune(text); len(runes) > 400 {
		return string(runes[:400]) + "…"
	}
	return text
}

// state decides, and closes the watch when its time is over.
func (o Options) state(r *ledger.Record, seen []ledger.Finding, now time.Time) State {
	for _, f := range seen {
		if f.Breach && keeps(f) {
			return Breached
		}
	}
	if now.Before(r.Ended.Add(o.For)) {
		return Watching
	}
	r.Watch.Summary = o.summary(r)
	if o.open(r) > 0 {
		return Unproven
	}
	r.Watch.Proven = &now
	return Proven
}

// open counts what keeps a release from being proven and nobody acknowledged.
func (o Options) open(r *ledger.Record) (n int) {
	for _, f := range r.Watch.Findings {
		if keeps(f) {
			n++
		}
	}
	return n
}

// Kinds that are no breach and keep a release from being proven all the same:
// what people reported, and that errors and latency were not looked at.
const (
	Feedback   = "feedback"
	Unmeasured = "metrics"
)

// summary is the day in a sentence.
func (o Options) summary(r *ledger.Record) string {
	w, reported, breaches := r.Watch, 0, 0
	for _, f := range w.Findings {
		switch {
		case f.Kind == Feedback:
			reported++
		case f.Breach:
			breaches++
		}
	}
	text := fmt.Sprintf("%d looks in %s; %d findings, %d of them breaches", w.Looks, w.Last.Sub(*r.Ended).Round(time.Minute), len(w.Findings)-reported, breaches)
	if o.Feedback != nil {
		text += fmt.Sprintf("; %d issues of feedback", reported)
	}
	if n := o.open(r); n > 0 {
		text += fmt.Sprintf("; %d not acknowledged", n)
	}
	return text
}

// Keep notes of findings why their release was not taken back for them.
func Keep(ctx context.Context, l *ledger.Ledger, release int, findings []ledger.Finding, why string) error {
	_, err := l.Amend(ctx, release, func(r *ledger.Record) error {
		for _, f := range findings {
			if r.Watch != nil && f.Number <= len(r.Watch.Findings) {
				r.Watch.Findings[f.Number-1].Kept = why
			}
		}
		return nil
	})
	return err
}

// Dispatched notes that a workflow was started to take the release back.
func Dispatched(ctx context.Context, l *ledger.Ledger, release int, d *ledger.Dispatched) (*ledger.Record, error) {
	return l.Amend(ctx, release, func(r *ledger.Record) error {
		if r.Watch == nil {
			r.Watch = &ledger.Watch{}
		}
		r.Watch.Dispatched = d
		return nil
	})
}

// UnknownFindingError says that a release has no finding of that number.
type UnknownFindingError struct {
	Release string
	Number  int
	Known   int
}

func (e *UnknownFindingError) Error() string {
	return fmt.Sprintf("acknowledge: %s has no finding %d", e.Release, e.Number)
}

// Usage marks that nothing was begun.
func (e *UnknownFindingError) Usage() bool { return true }

// Hint says what there is.
func (e *UnknownFindingError) Hint() string {
	if e.Known == 0 {
		return "it has none"
	}
	return fmt.Sprintf("its findings have the numbers 1 to %d", e.Known)
}

// Acknowledge notes that a finding was looked into by somebody, who decided that
// the release may stay, and why.
func Acknowledge(ctx context.Context, l *ledger.Ledger, release, finding int, who, why string) (*ledger.Finding, error) {
	var found *ledger.Finding
	record, err := l.Amend(ctx, release, func(r *ledger.Record) error {
		unknown := &UnknownFindingError{Release: l.Name(release), Number: finding}
		if r.Watch == nil {
			return unknown
		}
		if unknown.Known = len(r.Watch.Findings); finding < 1 || finding > unknown.Known {
			return unknown
		}
		found = &r.Watch.Findings[finding-1]
		found.Acknowledged = who + ": " + why
		return nil
	})
	if err == nil && record == nil {
		err = &UnknownFindingError{Release: l.Name(release), Number: finding}
	}
	return found, err
}

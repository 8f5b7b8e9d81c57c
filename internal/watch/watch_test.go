package watch

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/testenv"
)

// book is a real ledger of an environment that only this test has.
func book(t *testing.T) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(kubetest.Cluster(t), platform.Owner{Platform: "shop", Environment: testenv.Environment(t)})
	if err != nil {
		t.Fatal(err)
	}
	lock, err := l.Acquire(t.Context(), ledger.Holder{Person: "mara"}, 0) // makes its namespace
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

// released adds a release that ended well, and returns when.
func released(t *testing.T, l *ledger.Ledger) (int, time.Time) {
	t.Helper()
	e, err := l.Add(t.Context(), ledger.Record{By: ledger.Holder{Person: "mara"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(t.Context(), ledger.Released, "fine"); err != nil {
		t.Fatal(err)
	}
	return e.Record.Number, *e.Record.Ended
}

// day is how an environment does, by the hour after its release.
type day map[int][]Sight

func (d day) look(ended time.Time) func(context.Context, *ledger.Record, time.Time, time.Time) ([]Sight, error) {
	return func(_ context.Context, _ *ledger.Record, _, now time.Time) ([]Sight, error) {
		return d[int(now.Sub(ended).Hours())], nil
	}
}

// hours are ticks, one an hour, from one to another.
func hours(ended time.Time, from, to int) <-chan time.Time {
	ticks := make(chan time.Time, to-from+1)
	for h := from; h <= to; h++ {
		ticks <- ended.Add(time.Duration(h)*time.Hour + time.Minute)
	}
	close(ticks)
	return ticks
}

// A day passes in the time that its ticks take.
func TestADay(t *testing.T) {
	t.Parallel()
	slow := Sight{Kind: "latency", Subject: "reporting", Text: "95 of 100 answers take up to 4s"}
	line := Sight{Kind: "logs", Subject: "gateway", Text: "2 critical lines"}
	blind := Sight{Kind: Unmeasured, Subject: "PROMETHEUS_URL", Text: "it has no value"}
	silent := Sight{Kind: Unmeasured, Subject: "PROMETHEUS_URL", Text: "Prometheus does not answer", Unanswered: true}
	always := day{}
	for hour := range 31 {
		always[hour] = []Sight{silent}
	}
	issue := Sight{Kind: Feedback, Subject: "#12", Text: "the export is empty"}
	for _, tt := range []struct {
		name     string
		day      day
		feedback []Sight
		state    State
		looks    int
		summary  string
	}{
		{"quiet", nil, nil, Proven, 25, "25 looks in 24h1m0s; 0 findings, 0 of them breaches"},
		{"a finding that is no breach", day{3: {line}, 7: {line}}, nil, Proven, 25, "25 looks in 24h1m0s; 1 findings, 0 of them breaches"},
		{"a breach at noon", day{12: {line, slow}}, nil, Breached, 13, ""},
		{"metrics that nobody could ask", day{3: {blind}}, nil, Unproven, 25, "1 findings, 0 of them breaches; 1 not acknowledged"},
		{"a Prometheus that is away now and then", day{3: {silent}, 7: {silent}, 24: {silent}}, nil, Proven, 25, "0 findings, 0 of them breaches"},
		{"a Prometheus that is away for long", day{3: {silent}, 4: {silent}}, nil, Unproven, 25, "1 findings, 0 of them breaches; 1 not acknowledged"},
		{"a Prometheus that never answers", always, nil, Unproven, 25, "1 findings, 0 of them breaches; 1 not acknowledged"},
		{"feedback that nobody read", nil, []Sight{issue}, Unproven, 25, "1 issues of feedback; 1 not acknowledged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := book(t)
			number, ended := released(t, l)
			o := Options{Ledger: l, For: 24 * time.Hour, Breach: []string{"health", "latency"}, Look: tt.day.look(ended)}
			if tt.feedback != nil {
				o.Feedback = func(context.Context, time.Time) ([]Sight, error) { return tt.feedback, nil }
			}
			looks := 0
			report, err := Run(t.Context(), o, hours(ended, 0, 30), func(*Report) { looks++ })
			if err != nil {
				t.Fatal(err)
			}
			record, err := l.Release(t.Context(), number)
			if err != nil {
				t.Fatal(err)
			}
			if report.State != tt.state || looks != tt.looks || record.Watch.Looks != tt.looks || !strings.Contains(record.Watch.Summary, tt.summary) {
				t.Errorf("%s after %d looks; %+v", report.State, looks, record.Watch)
			}
			if (record.Watch.Proven != nil) != (tt.state == Proven) {
				t.Errorf("proven: %v", record.Watch.Proven)
			}
			for _, f := range record.Watch.Findings {
				if tt.name == "a Prometheus that never answers" && f.Count != 24 {
					t.Errorf("seen by each look but the first: %+v", f)
				}
				if want := len(tt.day[3]) + len(tt.day[7]); f.Kind == "logs" && want == 2 && f.Count != 2 {
					t.Errorf("seen twice: %+v", f)
				}
			}
		})
	}
}

// What was acknowledged is no breach any more, and proves a release whose time is over.
func TestAcknowledge(t *testing.T) {
	t.Parallel()
	l := book(t)
	number, ended := released(t, l)
	slow := Sight{Kind: "latency", Subject: "reporting", Text: strings.Repeat("slow ", 200)}
	o := Options{Ledger: l, For: 24 * time.Hour, Breach: []string{"latency"}, Look: day{2: {slow}, 3: {slow}}.look(ended)}
	run := func(from, to int) *Report {
		t.Helper()
		report, err := Run(t.Context(), o, hours(ended, from, to), func(*Report) {})
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	breach := run(0, 5)
	if breach.State != Breached || len(breach.Open()) != 1 || len([]rune(breach.Seen[0].Text)) > 401 {
		t.Fatalf("%+v", breach)
	}
	var unknown *UnknownFindingError
	if _, err := Acknowledge(t.Context(), l, number, 2, "mara", "no"); !errors.As(err, &unknown) || !strings.Contains(unknown.Hint(), "1 to 1") {
		t.Errorf("finding 2: %v", err)
	}
	if _, err := Acknowledge(t.Context(), l, number+7, 1, "mara", "no"); !errors.As(err, &unknown) {
		t.Errorf("a release that is not there: %v", err)
	}
	if late := run(26, 26); late.State != Unproven || len(late.Open()) != 1 {
		t.Fatalf("after the day: %+v", late)
	}
	if again := run(27, 27); again.State != Unproven || again.Release.Watch.Looks != breach.Release.Watch.Looks+1 {
		t.Fatalf("looked again at what is over: %+v", again)
	}
	if _, err := Acknowledge(t.Context(), l, number, 1, "mara", "the monthly report"); err != nil {
		t.Fatal(err)
	}
	if proven := run(28, 28); proven.State != Proven || !strings.Contains(proven.Release.Watch.Findings[0].Acknowledged, "mara: the monthly report") {
		t.Fatalf("acknowledged: %+v", proven)
	}
}

// Only the release that the environment is at is watched, and only while it is young.
func TestWhatIsWatched(t *testing.T) {
	t.Parallel()
	l := book(t)
	o := Options{Ledger: l, For: time.Hour, Look: day{}.look(time.Now())}
	state := func(now time.Time) State {
		t.Helper()
		report, err := Once(t.Context(), o, now)
		if err != nil {
			t.Fatal(err)
		}
		return report.State
	}
	if got := state(time.Now()); got != Nothing {
		t.Errorf("no release: %s", got)
	}
	_, ended := released(t, l)
	if got := state(ended.Add(2 * time.Hour)); got != Nothing {
		t.Errorf("one that nobody watched: %s", got)
	}
	if got := state(ended.Add(time.Minute)); got != Watching {
		t.Errorf("a young one: %s", got)
	}
	lock, err := l.Acquire(t.Context(), ledger.Holder{Person: "mara"}, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := l.Add(t.Context(), ledger.Record{Fence: lock.Fence})
	if err != nil {
		t.Fatal(err)
	}
	if got := state(time.Now()); got != Busy {
		t.Errorf("one under way: %s", got)
	}
	if err := lock.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := state(time.Now()); got != Abandoned {
		t.Errorf("one that nobody works on: %s", got)
	}
	if err := entry.Close(t.Context(), ledger.Failed, "taken back"); err != nil {
		t.Fatal(err)
	}
	if got := state(ended.Add(2 * time.Minute)); got != Watching {
		t.Errorf("the one before a failed one: %s", got)
	}
}

// TestUnanswered: that Prometheus did not answer is said by the first look, and is
// a finding of the second.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	l := book(t)
	silent := Sight{Kind: Unmeasured, Subject: "PROMETHEUS_URL", Text: "Prometheus does not answer", Unanswered: true}
	slow := Sight{Kind: "latency", Subject: "reporting", Text: "95 of 100 answers take up to 4s"}
	look := func(ended time.Time, after time.Duration) *Report {
		t.Helper()
		o := Options{Ledger: l, For: 24 * time.Hour, Look: func(context.Context, *ledger.Record, time.Time, time.Time) ([]Sight, error) {
			return []Sight{silent, slow}, nil
		}}
		report, err := Once(t.Context(), o, ended.Add(after))
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	_, ended := released(t, l)
	if r := look(ended, time.Minute); r.Inconclusive != silent.Text || len(r.Seen) != 1 || r.Seen[0].Kind != slow.Kind {
		t.Errorf("the first look: %+v", r)
	}
	if r := look(ended, 2*time.Minute); r.Inconclusive != "" || len(r.Seen) != 2 || r.Release.Watch.Unanswered != 2 {
		t.Errorf("the second: %+v", r)
	}
}

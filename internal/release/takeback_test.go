package release

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/ledger"
)

// TestKept: without a person, only the release that the environment is at goes
// back, once, and never to nothing.
func TestKept(t *testing.T) {
	one := 1
	released, back := ledger.Record{State: ledger.Released}, ledger.Record{State: ledger.Released, RollbackTo: &one}
	failed, gone, open := ledger.Record{State: ledger.Failed}, ledger.Record{State: ledger.RolledBack}, ledger.Record{State: ledger.Running}
	accepted := ledger.Record{State: ledger.Released, Accepted: &ledger.Acceptance{By: ledger.Holder{Person: "mara"}}}
	migrated := ledger.Record{State: ledger.Failed, Migrations: []string{"0014_last"}}
	for _, tt := range []struct {
		name    string
		records []ledger.Record // oldest first
		number  int
		want    string
	}{
		{"the newest of two", []ledger.Record{released, released}, 2, ""},
		{"one after a failed one", []ledger.Record{released, failed, released}, 3, ""},
		{"with a failed one after it", []ledger.Record{released, released, failed}, 2, ""},
		{"with a failed one after it that left its migrations", []ledger.Record{released, released, migrated}, 2, "#3 failed since and left the schema migrated"},
		{"one after a failed one that left its migrations", []ledger.Record{released, migrated, released}, 3, ""},
		{"one after a rollback", []ledger.Record{released, gone, back, released}, 4, ""},
		{"the first", []ledger.Record{released}, 1, "no release before it"},
		{"the first that stands", []ledger.Record{failed, gone, back, released}, 4, "no release before it"},
		{"a rollback", []ledger.Record{released, released, gone, back}, 4, "a rollback brought back"},
		{"what a rollback brought back", []ledger.Record{released, released, gone, back}, 2, "is at production #4 now"},
		{"an older one", []ledger.Record{released, released, released}, 2, "is at production #3 now"},
		{"one that a person accepted", []ledger.Record{released, accepted}, 2, "mara accepted it as it was found"},
		{"while another one is open", []ledger.Record{released, released, open}, 2, "#3 ended in the middle"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var all []*ledger.Record
			for i := len(tt.records) - 1; i >= 0; i-- {
				tt.records[i].Number = i + 1
				all = append(all, &tt.records[i])
			}
			o := Options{Ledger: &ledger.Ledger{Environment: "production"}}
			if got := o.kept(all, tt.number); !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestTakeBack: a breach that lasts takes one release back, and then nothing more.
// What the rollback left is known: its images, and which past it is compared with.
func TestTakeBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	digests := []string{strings.Repeat("1", 64), strings.Repeat("2", 64), strings.Repeat("3", 64)}
	var last *Outcome
	for _, digest := range digests {
		made := d.planning("$digest", digest)
		last = d.released(d.approve(d.plan(made)), made)
	}
	var past time.Time
	o := Options{Ledger: d.ledger, Rollout: d.planning().Rollout, Verify: func(_ context.Context, r *ledger.Record) error {
		past = r.Past()
		return nil
	}}
	o.Rollout.Objects, o.Rollout.Services = nil, nil
	outcome, err := TakeBack(t.Context(), o, 3)
	if err != nil || outcome.State != ledger.Released || *outcome.Record.RollbackTo != 2 {
		t.Fatalf("%+v, %v", outcome, err)
	}
	for _, number := range []int{3, 2, 4} {
		var kept *KeptError
		if outcome, err := TakeBack(t.Context(), o, number); outcome != nil || !errors.As(err, &kept) {
			t.Errorf("release %d: %+v, %v", number, outcome, err)
		}
	}
	record, err := d.ledger.Present(t.Context())
	if err != nil || record.Number != 4 {
		t.Fatalf("%+v, %v", record, err)
	}
	if got := record.Images["web"]; got != "example.invalid/web@sha256:"+digests[1] {
		t.Errorf("the record says that %q runs", got)
	}
	var steps []string
	for _, s := range record.Steps {
		if steps = append(steps, s.Name); s.Ended == nil {
			t.Errorf("%s has no end", s.Name)
		}
	}
	if got := strings.Join(steps, ", "); got != "rollback, take back web, verify" {
		t.Errorf("the rollback made the steps %s", got)
	}
	if began := last.Record.Started; !record.Past().Equal(began) || !past.Equal(began) {
		t.Errorf("compared with the time before %s and verified with that before %s, want %s", record.Past(), past, began)
	}
}

func TestOfRepository(t *testing.T) {
	images := []string{"proxy:1", "host:5000/shop/web@sha256:22"}
	for other, want := range map[string]string{"host:5000/shop/web:old": images[1], "host:5000/shop/web@sha256:11": images[1], "elsewhere/web": images[0]} {
		if got := ofRepository(images, other); got != want {
			t.Errorf("%s: %s", other, got)
		}
	}
}

package platform

import (
	"strings"
	"testing"
	"time"
)

func TestWindow(t *testing.T) {
	t.Parallel()
	w := &Window{
		Zone: "Europe/Oslo", Weekly: []string{"mon-thu 09:00-15:00", "fri 09:00-12:00"},
		Freezes: []Freeze{{From: "2026-12-18", To: "2027-01-03", Why: "holidays"}},
	}
	for at, closed := range map[string]string{
		"2026-11-23T08:00:00Z": "",                                    // Monday 09:00 there
		"2026-11-23T07:59:59Z": "it is Mon 08:59 in Europe/Oslo",      // a second before
		"2026-11-23T13:59:59Z": "",                                    // the last second
		"2026-11-23T14:00:00Z": "it is Mon 15:00",                     // it ends where it says
		"2026-07-20T07:00:00Z": "",                                    // 09:00 in summer time
		"2026-07-20T13:00:00Z": "it is Mon 15:00",                     // and ends an hour earlier in UTC
		"2026-11-27T11:30:00Z": "it is Fri 12:30",                     // Fridays are shorter
		"2026-11-28T10:00:00Z": "it is Sat 11:00",                     // no entry
		"2026-12-17T22:59:00Z": "it is Thu 23:59",                     // the day before the freeze, there
		"2026-12-17T23:00:00Z": "nothing is released from 2026-12-18", // the freeze begins at midnight there
		"2026-12-21T10:00:00Z": "2027-01-03: holidays",
		"2027-01-04T10:00:00Z": "",
	} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Closed(when); (closed == "") != (got == "") || !strings.Contains(got, closed) {
			t.Errorf("%s: %q, want %q", at, got, closed)
		}
	}
}

// An entry that is read covers time, and none of it twice.
func FuzzWeekly(f *testing.F) {
	for _, s := range []string{"mon-thu 09:00-15:00", "fri 00:00-24:00", "sun-mon 01:00-02:00", "mon 09:00-08:00", "mon-thu 09:60-15:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w, ok := readWeekly(s)
		if !ok {
			return
		}
		if w.begin < 0 || w.end > 24*60 || w.begin >= w.end || w.days == [7]bool{} {
			t.Errorf("%q is %+v", s, w)
		}
	})
}

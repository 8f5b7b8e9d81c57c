package platform

import (
	"fmt"
	"testing"
	"time"
)

// A service has its own deadline, else the platform's, else three minutes; what
// limits them is also what the others get.
func TestDeadlines(t *testing.T) {
	const unsaid = 0
	for _, tt := range []struct {
		all, own, limit time.Duration
		want            string // of a service with its own, one without, and the rest
	}{
		{unsaid, unsaid, 0, "3m0s 3m0s 3m0s"},
		{5 * time.Minute, unsaid, 0, "5m0s 5m0s 5m0s"},
		{5 * time.Minute, 20 * time.Minute, 0, "20m0s 5m0s 5m0s"},
		{unsaid, 20 * time.Minute, 0, "20m0s 3m0s 3m0s"},
		{unsaid, 20 * time.Minute, time.Minute, "1m0s 1m0s 1m0s"},
		{unsaid, 20 * time.Minute, 10 * time.Minute, "10m0s 10m0s 10m0s"},
		{time.Minute, 20 * time.Second, 10 * time.Minute, "20s 1m0s 1m0s"},
	} {
		p := &Platform{Deadline: Duration{tt.all}, Services: []Service{{Name: "own", Deadline: Duration{tt.own}}, {Name: "other"}}}
		p.LimitDeadlines(tt.limit)
		if got := fmt.Sprint(p.DeadlineOf("own"), p.DeadlineOf("other"), p.DeadlineOf("")); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

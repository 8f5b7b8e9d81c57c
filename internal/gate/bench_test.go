package gate_test

import (
	"testing"
	"time"

	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/testenv/github"
)

// BenchmarkGate is preflight and gate with a GitHub that answers in 50 ms.
func BenchmarkGate(b *testing.B) {
	c, s := checklist(b)
	s.hub.Change(func(k *github.Known) { k.Faults = []github.Fault{{Path: "/", Delay: 50 * time.Millisecond}} })
	var err error
	if c.Evidence.Plan, err = c.Plan.Digest(); err != nil {
		b.Fatal(err)
	}
	if s.digest, err = plan.Approval(c.Plan, c.Evidence); err != nil {
		b.Fatal(err)
	}
	s.comment = s.digest[:12]
	s.approve()
	for b.Loop() {
		if _, err := gate.Preflight(b.Context(), *c); err != nil {
			b.Fatal(err)
		}
		if _, err := gate.Decide(b.Context(), s.question); err != nil {
			b.Fatal(err)
		}
	}
	requests, _ := s.hub.Requests()
	b.ReportMetric(float64(len(requests))/float64(b.N), "requests/op")
}

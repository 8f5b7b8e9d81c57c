package gate_test

import (
	"testing"
	"time"

	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/testenv/github"
)

// most is what preflight and gate together may take, GitHub's answers included.
const most = 2 * time.Second

// BenchmarkGate is preflight and gate with a GitHub that answers in 50 ms.
// `make load` runs it.
func BenchmarkGate(b *testing.B) {
	c, s := asked(b)
	s.hub.Change(func(k *github.Known) { k.Faults = []github.Fault{{Path: "/", Delay: 50 * time.Millisecond}} })
	for b.Loop() {
		if _, err := gate.Preflight(b.Context(), *c); err != nil {
			b.Fatal(err)
		}
		if _, err := gate.Decide(b.Context(), s.question); err != nil {
			b.Fatal(err)
		}
	}
	requests, _ := s.hub.Requests()
	if each := b.Elapsed() / time.Duration(b.N); each > most {
		b.Errorf("they take %s, more than %s", each, most)
	}
	b.ReportMetric(float64(len(requests))/float64(b.N), "requests/op")
}

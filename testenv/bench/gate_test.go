package main

import "testing"

func TestMetricsOf(t *testing.T) {
	got, err := metricsOf("goos: linux\nBenchmarkWebhooks-2 \t       1\t61234567890 ns/op\t         0 lost\t         1.250 p50-ms\t        19.61 webhooks/s\nPASS\n")
	if err != nil || got["ns/op"] != 61234567890 || got["p50-ms"] != 1.25 || got["webhooks/s"] != 19.61 {
		t.Errorf("%v, %v", got, err)
	}
	if lost, there := got["lost"]; lost != 0 || !there {
		t.Errorf("%v", got)
	}
	for _, none := range []string{"", "PASS\n", "BenchmarkX 1 many ns/op\n"} {
		if got, err := metricsOf(none); err == nil {
			t.Errorf("%q: %v", none, got)
		}
	}
}

// Nothing may be lost: a target that is 0 is one.
func TestNever(t *testing.T) {
	for value, want := range map[float64]string{0: "yes", 1: "no"} {
		if l := (Limit{Value: value, Target: never}); l.verdict() != want || l.target() != "0" {
			t.Errorf("%v: %s, target %s", value, l.verdict(), l.target())
		}
	}
}

package main

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden file anew")

func TestRender(t *testing.T) {
	m := Machine{
		Date: time.Date(2026, 2, 3, 4, 5, 0, 0, time.UTC), Took: 42 * time.Minute, Revision: "0123456789ab with local changes", Cores: 2,
		CPU: "A processor", Kernel: "6.1.0", Versions: []string{"Go 1.26.0", "Node 22.0.0"}, Before: "0.10 0.20 0.30", After: "2.00 1.50 0.90", Repeated: 1,
	}
	results := []Result{
		{
			Title: "Two ways", Text: "One is run, then the other.",
			Comparisons: []Comparison{
				{Name: "clearly reached", Ratios: []float64{0.01, 0.02, 0.03, 0.02, 0.02, 0.02}, Target: 0.03},
				{Name: "reached, not surely", Ratios: []float64{0.5, 1.2, 0.9, 0.9, 0.9, 0.9}, Target: 1, Strict: true},
				{Name: "missed, not surely", Ratios: []float64{1, 1.1, 1.1, 1.1, 1.1, 1.2}, Target: 1.05},
				{Name: "missed, on the limit", Ratios: []float64{1, 1, 1, 1, 1, 1}, Target: 1, Strict: true},
				{Name: "too few pairs", Ratios: []float64{2, 3, 4}, Target: 1},
				{Name: "no target", Ratios: []float64{2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
			},
			Times: []Times{{Name: "one", Seconds: []float64{1, 3, 2}}, {Name: "the other", Seconds: []float64{4}}},
		},
		{Title: "Limits", Limits: []Limit{{"small", 120.4, 300, "MB"}, {"large", 301, 300, "MB"}, {"any", 7, 0, "MB"}}},
	}
	var b strings.Builder
	if err := render(&b, m, results); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/benchmarks.md"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if b.String() != string(want) {
		t.Errorf("not as in %s (go test -update writes it):\n%s", golden, b.String())
	}
}

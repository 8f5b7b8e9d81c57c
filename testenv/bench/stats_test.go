package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{7}, 7},
		{[]float64{3, 1}, 2},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		given := slices.Clone(c.values)
		if got := median(c.values); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.values, got, c.want)
		}
		if !slices.Equal(given, c.values) {
			t.Errorf("median reordered %v", given)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("there is a median of nothing")
	}
}

// The ranks and coverages are those of published tables, such as W. J. Conover,
// Practical Nonparametric Statistics, and R's qbinom and pbinom.
func TestMedianInterval(t *testing.T) {
	for _, c := range []struct {
		n         int
		low, high float64
		coverage  float64
	}{
		{1, 1, 1, 0},
		{2, 1, 2, 0.5},
		{3, 1, 3, 0.75},
		{5, 1, 5, 0.9375},
		{6, 1, 6, 0.96875},
		{8, 1, 8, 0.9921875},
		{9, 2, 8, 0.9609375},
		{10, 2, 9, 0.978515625},
		{20, 6, 15, 0.958610535},
		{25, 8, 18, 0.956714749},
		{50, 18, 33, 0.967160862},
	} {
		values := make([]float64, c.n)
		for i := range values {
			values[i] = float64(i + 1)
		}
		rand.Shuffle(c.n, func(i, j int) { values[i], values[j] = values[j], values[i] })
		got := medianInterval(values)
		if got.Low != c.low || got.High != c.high || math.Abs(got.Coverage-c.coverage) > 1e-9 {
			t.Errorf("of %d values: %v to %v, covering %v, want %v to %v, covering %v", c.n, got.Low, got.High, got.Coverage, c.low, c.high, c.coverage)
		}
	}
}

// What the interval promises: it holds the true median of a skewed distribution
// at least as often as it says.
func TestIntervalHoldsTheMedian(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const trials = 20_000
	for _, n := range []int{6, 10, 20} {
		held, promised := 0, 0.0
		for range trials {
			values := make([]float64, n)
			for i := range values {
				values[i] = random.ExpFloat64() // its median is ln 2
			}
			in := medianInterval(values)
			promised = in.Coverage
			if in.Low <= math.Ln2 && math.Ln2 <= in.High {
				held++
			}
		}
		if share := float64(held) / trials; math.Abs(share-promised) > 0.01 {
			t.Errorf("of %d values: held in %.3f of the trials, promised %.3f", n, share, promised)
		}
	}
}

func TestRatios(t *testing.T) {
	got := ratios([]float64{1, 3, 8}, []float64{2, 3, 4})
	if want := []float64{0.5, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

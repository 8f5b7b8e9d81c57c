package main

import (
	"math"
	"slices"
)

// confidence is what an interval is asked for, as a probability.
const confidence = 0.95

// An Interval lies around a median. Coverage is the probability, before anybody
// measured, that such an interval holds the true median.
type Interval struct{ Low, High, Coverage float64 }

// median is the middle value, or the mean of the two in the middle. It is NaN
// of nothing.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// medianInterval is the narrowest interval between two values at the same
// distance from both ends that covers the median with at least the confidence:
// the k-th smallest to the k-th largest of n, where
//
//	coverage(n, k) = 1 − 2·P(B < k),  B ~ Binomial(n, 1/2)
//
// (H. A. David and H. N. Nagaraja, Order Statistics, 3rd ed., Wiley 2003, section
// 7.1). It assumes nothing of the distribution but that the values are
// independent. With fewer than six values even the whole range covers less than
// 95 %: it is returned then, with the coverage that it has.
func medianInterval(values []float64) Interval {
	n := len(values)
	if n == 0 {
		return Interval{math.NaN(), math.NaN(), 0}
	}
	k := 1
	for k < (n+1)/2 && coverage(n, k+1) >= confidence {
		k++
	}
	sorted := slices.Sorted(slices.Values(values))
	return Interval{sorted[k-1], sorted[n-k], coverage(n, k)}
}

func coverage(n, k int) float64 {
	below, ways := 0.0, 1.0 // ways to choose i of n
	for i := range k {
		below += ways
		ways = ways * float64(n-i) / float64(i+1)
	}
	return 1 - 2*below/math.Exp2(float64(n))
}

// ratios divides values of the same pair.
func ratios(over, under []float64) []float64 {
	out := make([]float64, min(len(over), len(under)))
	for i := range out {
		out[i] = over[i] / under[i]
	}
	return out
}

package main

import (
	"math"
	"strconv"
)

// A Result is what one benchmark found.
type Result struct {
	Title       string
	Text        string // what was run and what was left out of the time, as Markdown
	Comparisons []Comparison
	Limits      []Limit
	Times       []Times
}

// A Comparison is of two ways to run, in pairs.
type Comparison struct {
	Name   string
	Ratios []float64 // one a pair
	Target float64   // the median must not be above it; 0 for none
	Strict bool      // the median must be below the target, not on it
}

// A Limit is a largest value that something must not exceed.
type Limit struct {
	Name   string
	Value  float64
	Target float64 // 0 for none, never for a target of 0
	Unit   string
}

// never is the target of what must not happen at all.
const never = -1

// Times are what one way to run took: seconds, or the unit that is named.
type Times struct {
	Name    string
	Seconds []float64
	Unit    string // default: s
}

// verdict says whether the target was reached, and whether noise may have
// decided that.
func (c Comparison) verdict() string {
	reaches := func(v float64) bool { return v < c.Target || v == c.Target && !c.Strict }
	in := medianInterval(c.Ratios)
	switch {
	case c.Target == 0:
		return ""
	case len(c.Ratios) == 0:
		return "not measured"
	case reaches(median(c.Ratios)) && !reaches(in.High):
		return "yes, but the interval goes beyond it"
	case reaches(median(c.Ratios)):
		return "yes"
	case reaches(in.Low):
		return "no, but the interval begins below it"
	}
	return "no"
}

// value has as many digits as say something.
func (l Limit) value() string {
	if l.Value < 1 && l.Value != 0 {
		return strconv.FormatFloat(l.Value, 'f', 2, 64)
	}
	if l.Value < 100 && l.Value != math.Trunc(l.Value) {
		return strconv.FormatFloat(l.Value, 'f', 1, 64)
	}
	return strconv.FormatFloat(l.Value, 'f', 0, 64)
}

func (l Limit) verdict() string {
	switch {
	case l.Target == 0:
		return ""
	case l.Target == never && l.Value == 0:
		return "yes"
	case l.Value <= l.Target:
		return "yes"
	}
	return "no"
}

package main

import (
	"fmt"
	"io"
	"strings"
)

// render writes the results as Markdown.
func render(w io.Writer, m Machine, results []Result) error {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\n")
	b.WriteString("Written by `make bench`; do not edit. ")
	b.WriteString("What counts are the ratios: both sides of each were run in turns, in one run on one machine. The seconds are for guidance only.\n\n")
	m.render(&b)
	for _, r := range results {
		r.render(&b)
	}
	b.WriteString(method)
	_, err := io.WriteString(w, b.String())
	return err
}

const method = `## How the numbers come about

Ways to run are measured in rounds, each of them once a round; every other round goes through them backwards, so that what changes slowly on the machine
falls on all alike. A ratio is of two runs of the same round. Of the ratios the median is given, with the interval from the k-th smallest to the k-th largest of n
that covers the true median with at least 95 %: the largest k with 1 − 2·P(B < k) ≥ 0.95, B binomial of n and ½ (David and Nagaraja, Order Statistics, 3rd ed., section 7.1).
It assumes no distribution. Of fewer than six pairs no such interval exists; then their range is given, with what it covers.

To repeat: ` + "`make bench`" + ` on a machine that does nothing else. ` + "`go run ./testenv/bench -h`" + ` lists the flags: fewer rounds, or one benchmark alone.
`

func (r Result) render(b *strings.Builder) {
	fmt.Fprintf(b, "## %s\n\n", r.Title)
	if r.Text != "" {
		fmt.Fprintf(b, "%s\n\n", r.Text)
	}
	if len(r.Comparisons) > 0 {
		b.WriteString("| ratio | pairs | median | 95 % interval | target | reached |\n|---|--:|--:|--:|--:|---|\n")
		for _, c := range r.Comparisons {
			fmt.Fprintf(b, "| %s | %d | %.3f | %s | %s | %s |\n", c.Name, len(c.Ratios), median(c.Ratios), medianInterval(c.Ratios), c.target(), c.verdict())
		}
		b.WriteByte('\n')
	}
	if len(r.Limits) > 0 {
		b.WriteString("| what | measured | target | reached |\n|---|--:|--:|---|\n")
		for _, l := range r.Limits {
			fmt.Fprintf(b, "| %s | %s %s | %s | %s |\n", l.Name, l.value(), l.Unit, l.target(), l.verdict())
		}
		b.WriteByte('\n')
	}
	if len(r.Times) > 0 {
		b.WriteString("| for guidance | runs | median | from | to |\n|---|--:|--:|--:|--:|\n")
		for _, t := range r.Times {
			in := span(t.Seconds)
			unit := t.Unit
			if unit == "" {
				unit = "s"
			}
			fmt.Fprintf(b, "| %[1]s | %[2]d | %.1[3]f %[6]s | %.1[4]f %[6]s | %.1[5]f %[6]s |\n", t.Name, len(t.Seconds), median(t.Seconds), in[0], in[1], unit)
		}
		b.WriteByte('\n')
	}
}

func (c Comparison) target() string {
	switch {
	case c.Target == 0:
		return ""
	case c.Strict:
		return fmt.Sprintf("< %g", c.Target)
	}
	return fmt.Sprintf("≤ %g", c.Target)
}

func (l Limit) target() string {
	switch l.Target {
	case never:
		return "0"
	case 0:
		return ""
	}
	return fmt.Sprintf("≤ %g %s", l.Target, l.Unit)
}

// String shows an interval, and its coverage where that is less than asked for.
func (in Interval) String() string {
	text := fmt.Sprintf("%.3f to %.3f", in.Low, in.High)
	if in.Coverage < confidence {
		text += fmt.Sprintf(" (range; covers %.0f %%)", 100*in.Coverage)
	}
	return text
}

// span is the smallest and the largest of values.
func span(values []float64) [2]float64 {
	low, high := values[0], values[0]
	for _, v := range values[1:] {
		low, high = min(low, v), max(high, v)
	}
	return [2]float64{low, high}
}

package main

import (
	"context"
	"maps"
	"slices"
)

const memoryText = `The largest resident memory (` + "`ru_maxrss`" + `) of any run of ` + "`ci`" + ` above. The kernel counts the process and those it waited for, here the client that it opens a session
of the engine with, and gives the largest one; what runs in containers is not in it.`

// memory reports the peaks of ci in all that ran before, or in one cold check.
func memory(ctx context.Context, b *bench) (Result, error) {
	if len(b.peaks) == 0 {
		if _, err := b.ci(ctx, b.root, "check", "--no-cache"); err != nil {
			return Result{}, err
		}
	}
	if _, err := b.ci(ctx, b.root, "images", "backup", "migrate", "deploy"); err != nil {
		return Result{}, err
	}
	r := Result{Title: "Memory of ci", Text: memoryText}
	for _, words := range slices.Sorted(maps.Keys(b.peaks)) {
		r.Limits = append(r.Limits, Limit{Name: "`ci " + words + "`", Value: b.peaks[words], Target: 300, Unit: "MB"})
	}
	return r, nil
}

package main

import (
	"context"
	"fmt"
	"time"
)

// A variant is one way to run. It returns how long what counts took.
type variant struct {
	name string
	run  func(ctx context.Context) (time.Duration, error)
}

// interleave runs every variant once a round. Odd rounds go through them
// backwards, so that neither side of a pair is always the one that comes first.
// It returns the seconds of each variant, a value a round.
func (b *bench) interleave(ctx context.Context, rounds int, variants ...variant) (map[string][]float64, error) {
	seconds := map[string][]float64{}
	for round := range rounds {
		for i := range variants {
			v := variants[i]
			if round%2 == 1 {
				v = variants[len(variants)-1-i]
			}
			took, err := b.sample(ctx, v.run)
			if err != nil {
				return nil, fmt.Errorf("%s, round %d: %w", v.name, round+1, err)
			}
			b.say("  round %d of %d  %-24s %6.1f s", round+1, rounds, v.name, took.Seconds())
			seconds[v.name] = append(seconds[v.name], took.Seconds())
		}
	}
	return seconds, nil
}

// sample runs once, and once more if that failed; the report says how many were
// repeated. On a busy machine one test in a hundred must not cost an hour.
func (b *bench) sample(ctx context.Context, run func(context.Context) (time.Duration, error)) (time.Duration, error) {
	took, err := run(ctx)
	if err != nil && ctx.Err() == nil {
		b.say("  failed, so once more: %v", err)
		b.repeated++
		took, err = run(ctx)
	}
	return took, err
}

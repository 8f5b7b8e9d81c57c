package main

import (
	"context"
	"path/filepath"
	"time"
)

const sandboxText = "`testenv up`, built before: again while all is up, which asks every part, and after `testenv down`, with everything built and filled before. The very first `up` of a machine,\nwhich builds the engine and Kubernetes and makes the images, says at its end how long it took."

// sandboxUp times the sandbox itself. It is the last one, since it stops it.
func sandboxUp(ctx context.Context, b *bench) (Result, error) {
	program := filepath.Join(b.scratch, "testenv")
	if _, _, err := b.run(ctx, command{name: "testenv", dir: filepath.Dir(b.root), args: []string{"go", "build", "-o", program, "github.com/teei/slipway/testenv"}}); err != nil {
		return Result{}, err
	}
	call := func(word string) (time.Duration, error) {
		took, _, err := b.run(ctx, command{name: "testenv-" + word, dir: filepath.Dir(b.root), args: []string{program, word}})
		return took, err
	}
	var again, anew []float64
	for range b.short {
		took, err := call("up")
		if err != nil {
			return Result{}, err
		}
		again = append(again, took.Seconds())
	}
	for range b.long {
		if _, err := call("down"); err != nil {
			return Result{}, err
		}
		took, err := call("up")
		if err != nil {
			return Result{}, err
		}
		anew = append(anew, took.Seconds())
	}
	return Result{
		Title: "The sandbox", Text: sandboxText,
		Limits: []Limit{
			{Name: "`up` while all is up, median", Value: median(again), Target: 1, Unit: "s"},
			{Name: "`up` after `down`, median", Value: median(anew), Target: 30, Unit: "s"},
		},
		Times: []Times{{Name: "`up` while all is up", Seconds: again}, {Name: "`up` after `down`", Seconds: anew}},
	}, nil
}

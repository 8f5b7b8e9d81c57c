package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestInterleave(t *testing.T) {
	var order []string
	variants := make([]variant, 3)
	for i, name := range []string{"a", "b", "c"} {
		variants[i] = variant{name, func(context.Context) (time.Duration, error) {
			order = append(order, name)
			return time.Duration(len(order)) * time.Second, nil
		}}
	}
	seconds, err := new(bench).interleave(t.Context(), 3, variants...)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, ""); got != "abccbaabc" {
		t.Errorf("ran in the order %s, want abccbaabc", got)
	}
	if want := []float64{1, 6, 7}; !slices.Equal(seconds["a"], want) {
		t.Errorf("a took %v, want %v: a value a round, in the order of rounds", seconds["a"], want)
	}
}

func TestInterleaveRepeatsAFailureOnce(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name           string
		failing        []int // the runs that fail, from 1
		runs, repeated int
		want           error
	}{
		{"none fails", nil, 3, 0, nil},
		{"one fails", []int{2}, 4, 1, nil},
		{"one fails twice", []int{2, 3}, 3, 1, broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, runs := new(bench), 0
			seconds, err := b.interleave(t.Context(), 3, variant{"a", func(context.Context) (time.Duration, error) {
				if runs++; slices.Contains(c.failing, runs) {
					return 0, broken
				}
				return time.Second, nil
			}})
			if !errors.Is(err, c.want) || runs != c.runs || b.repeated != c.repeated {
				t.Errorf("%d runs, %d repeated, %v; want %d, %d, %v", runs, b.repeated, err, c.runs, c.repeated, c.want)
			}
			if err == nil && len(seconds["a"]) != 3 {
				t.Errorf("%d values of 3 rounds", len(seconds["a"]))
			}
		})
	}
}

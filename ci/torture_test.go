//go:build torture

package main

import (
	"maps"
	"testing"
)

// All images of the sample, made twice from nothing.
func TestAllImagesTwiceFromNothing(t *testing.T) {
	root := sample(t)
	first, second := sampleDigests(t, root, "--no-cache"), sampleDigests(t, root, "--no-cache")
	if len(first) != 12 || !maps.Equal(first, second) {
		t.Errorf("%v, then %v", first, second)
	}
}

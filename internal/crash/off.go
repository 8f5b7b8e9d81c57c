//go:build !crash

package crash

// Point is a place between two side effects.
func Point(string) {}

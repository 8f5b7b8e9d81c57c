// Package crash marks the points at which a test kills the process, to prove
// that what is left can be continued or taken back. Without the build tag
// "crash" it does nothing at all.
package crash

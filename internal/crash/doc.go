// Package crash marks the points at which a test kills the process, to prove
// that what is left can be continued or taken back. Without the build tag
// "crash" it does nothing at all.
//
// A program built with the tag obeys two variables of its environment:
// SLIPWAY_CRASH_LIST names a file that each point passed is added to, a line
// each, and SLIPWAY_CRASH_AT is the number of the point, counted from 1, at
// which the process ends as by kill -9. At the point SLIPWAY_STOP_AT, a number or
// a name, it stops as by kill -STOP, until it is told to continue. A point "before"
// something that did not come to its point "after" is passed once, however often it
// is tried again.
package crash

//go:build crash

package crash

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

var (
	mu     sync.Mutex
	passed int
	// tried are the side effects that have begun and not come about.
	tried = map[string]bool{}
)

type quiet struct{}

// Quiet marks work whose points do not count: what happens by the clock, such
// as the renewal of a lock, would give the points after it other numbers in
// each run.
func Quiet(ctx context.Context) context.Context { return context.WithValue(ctx, quiet{}, true) }

// Point is a place between two side effects. The process ends here, as by kill
// -9, when SLIPWAY_CRASH_AT is the number of this point.
func Point(ctx context.Context, name string) {
	if ctx.Value(quiet{}) != nil {
		return
	}
	mu.Lock() // held to the end: nothing else may pass a point once the process is to die
	defer mu.Unlock()
	if again(name) {
		return
	}
	passed++
	if list := os.Getenv("SLIPWAY_CRASH_LIST"); list != "" {
		note(list, name)
	}
	if at := os.Getenv("SLIPWAY_STOP_AT"); at == strconv.Itoa(passed) || at == name {
		_ = os.Unsetenv("SLIPWAY_STOP_AT") // a name may come again
		// It may run on for a moment until it stops: so it waits to be continued.
		proceed := make(chan os.Signal, 1)
		signal.Notify(proceed, syscall.SIGCONT)
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		<-proceed
	}
	if at := os.Getenv("SLIPWAY_CRASH_AT"); at == strconv.Itoa(passed) {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until it arrives
	}
}

// again reports whether a point is the beginning of what was begun before and did
// nothing, as a write that meets a newer version: how often that happens, and so
// the number of the points after it, would differ in each run.
func again(name string) bool {
	if doing, ok := strings.CutPrefix(name, "before "); ok {
		before := tried[doing]
		tried[doing] = true
		return before
	}
	if doing, ok := strings.CutPrefix(name, "after "); ok {
		delete(tried, doing)
	}
	return false
}

func note(list, name string) {
	file, err := os.OpenFile(list, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	fmt.Fprintln(file, name)
}

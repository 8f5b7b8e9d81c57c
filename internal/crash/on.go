//go:build crash

package crash

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
)

var passed atomic.Int64

// Point is a place between two side effects. The process ends here, as by kill
// -9, when SLIPWAY_CRASH_AT is the number of this point, counted from 1; its
// name is added to the file SLIPWAY_CRASH_LIST, if that is set.
func Point(name string) {
	n := passed.Add(1)
	if list := os.Getenv("SLIPWAY_CRASH_LIST"); list != "" {
		note(list, name)
	}
	if at, _ := strconv.ParseInt(os.Getenv("SLIPWAY_CRASH_AT"), 10, 64); at == n {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until it arrives
	}
}

func note(list, name string) {
	file, err := os.OpenFile(list, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	fmt.Fprintln(file, name)
}

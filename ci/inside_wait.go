package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/probe"
)

// serverDeadline is how long a server in a container may take to answer.
const serverDeadline = 90 * time.Second

const (
	noAnswer     = "did not answer a query within"
	serverAdvice = "look at what the server says in dagger.log, and at its image in " + platform.File
)

// waitInside waits until servers answer a real query and then becomes the
// command. The first argument is how long they may take; each is named as
// KIND=VARIABLE, the variable holding its URL.
func waitInside(ctx context.Context, args []string, say func(string, ...any)) error {
	end := slices.Index(args, "--")
	if end < 1 || end == len(args)-1 {
		return errNotInside
	}
	deadline, err := time.ParseDuration(args[0])
	if err != nil {
		return errNotInside
	}
	servers := args[1:end]
	group, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for _, arg := range servers {
		kind, variable, _ := strings.Cut(arg, "=")
		group.Go(func() error { return waitFor(ctx, kind, os.Getenv(variable), deadline) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if len(servers) > 0 {
		say("%s answered after %s", strings.Join(servers, ", "), seconds(time.Since(start)))
	}
	program, err := exec.LookPath(args[end+1])
	if err != nil {
		return fmt.Errorf("find %s: %w", args[end+1], err)
	}
	return syscall.Exec(program, args[end+1:], os.Environ())
}

// waitFor asks a server until it answers. A server that starts gives no sign
// that could be watched from outside, so it is asked again at short intervals.
func waitFor(ctx context.Context, kind, address string, deadline time.Duration) error {
	ctx, stop := context.WithTimeout(ctx, deadline)
	defer stop()
	var last error
	for {
		_, err := probe.Reach(ctx, kind, address, 5*time.Second)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil { // what the deadline cut off says nothing of the server
			last = err
		}
		select {
		case <-ctx.Done():
			return &platform.InfrastructureError{
				Message: fmt.Sprintf("%s %s %s: %v", kind, noAnswer, deadline, last),
				Advice:  serverAdvice,
			}
		case <-time.After(100 * time.Millisecond):
		}
	}
}

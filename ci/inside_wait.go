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

// waitInside waits until servers answer a real query and then becomes the
// command. Each is named as KIND=VARIABLE, the variable holding its URL.
func waitInside(ctx context.Context, args []string, say func(string, ...any)) error {
	end := slices.Index(args, "--")
	if end < 0 || end == len(args)-1 {
		return errNotInside
	}
	group, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for _, arg := range args[:end] {
		kind, variable, _ := strings.Cut(arg, "=")
		group.Go(func() error { return waitFor(ctx, kind, os.Getenv(variable), serverDeadline) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if end > 0 {
		say("%s answered after %s", strings.Join(args[:end], ", "), seconds(time.Since(start)))
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
	for {
		_, err := probe.Reach(ctx, kind, address, 5*time.Second)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return &platform.InfrastructureError{
				Message: fmt.Sprintf("%s did not answer a query within %s: %v", kind, deadline, err),
				Advice:  "look at what the server says in dagger.log, and at infrastructure." + kind + ".image in " + platform.File,
			}
		case <-time.After(100 * time.Millisecond):
		}
	}
}

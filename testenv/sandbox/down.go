package sandbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"syscall"
	"time"
)

// Down stops everything and takes back what Up did to the machine. The caches
// stay, unless purge is set.
func Down(ctx context.Context, log *Log, purge bool) error {
	if os.Geteuid() != 0 {
		return &Hint{errors.New("only root can stop the sandbox"), "sudo go run ./testenv down"}
	}
	command, err := takeTurn(ctx, log)
	if err != nil {
		return err
	}
	defer command.Close()
	if err := log.Step("stop the sandbox", func() error { return stopBox(ctx) }); err != nil {
		return err
	}
	errs := []error{withdrawCLI(), os.RemoveAll(stateDir), os.RemoveAll(runDir)}
	if purge {
		errs = append(errs, os.RemoveAll(cacheDir))
	}
	for _, dir := range []string{"/run/netns", "/var/lib/cni"} {
		// Made by Up where it was missing; anything in it is somebody else's.
		_ = os.Remove(dir)
	}
	return errors.Join(errs...)
}

// stopBox stops the box, in order if it listens, and cleans the machine.
func stopBox(ctx context.Context) error {
	runs, err := boxRuns()
	if err != nil {
		return err
	}
	if runs {
		// Gone first, so that nobody starts to use what is about to end.
		_ = os.Remove(EnvFile)
		if err := endBox(ctx, boxPID()); err != nil {
			return err
		}
	}
	return cleanMachine(ctx)
}

func endBox(ctx context.Context, pid int) error {
	if pid <= 1 {
		return &Hint{errors.New("a sandbox runs, and its pid is not known"), "find it with pgrep -f 'testenv box', and kill it"}
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop the box: %w", err)
		}
		patience, cancel := context.WithTimeout(ctx, 10*time.Second)
		lock, err := waitLock(patience, boxLock)
		cancel()
		if err == nil {
			return lock.Close()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return fmt.Errorf("stop the box: process %d does not end", pid)
}

// cleanMachine removes what outlives the box's namespaces. The kernel takes a
// moment to let go of a dead box's cgroups.
func cleanMachine(ctx context.Context) error {
	if err := unplugNetwork(); err != nil {
		return err
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := removeCgroups()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Two locks say who is alive; pids in files lie after a crash, locks do not.
// boxLock is held by the box itself, commandLock by one up or down at a time.
const (
	boxLock     = "box.lock"
	commandLock = "command.lock"
)

func openLock(name string) (*os.File, error) {
	if err := os.MkdirAll(runDir, 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(runDir, name), os.O_CREATE|os.O_RDWR, 0o644)
}

// tryLock returns the lock, or nil if another holds it.
func tryLock(name string) (*os.File, error) {
	f, err := openLock(name)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, nil
		}
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return f, nil
}

// waitLock waits for the lock until ctx ends.
func waitLock(ctx context.Context, name string) (*os.File, error) {
	for {
		f, err := tryLock(name)
		if f != nil || err != nil {
			return f, err
		}
		// flock cannot be cancelled, so it is asked for again.
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// boxRuns tells whether a box is alive.
func boxRuns() (bool, error) {
	if !exists(filepath.Join(runDir, boxLock)) {
		return false, nil
	}
	f, err := tryLock(boxLock)
	if err != nil {
		return false, err
	}
	if f == nil {
		return true, nil
	}
	return false, f.Close()
}

func boxPID() int {
	data, _ := os.ReadFile(filepath.Join(runDir, "box.pid"))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return pid
}

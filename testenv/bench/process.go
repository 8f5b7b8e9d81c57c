package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// command is a process to run and time.
type command struct {
	name string // of its log
	dir  string
	env  []string // beside our own
	args []string
}

// run runs a process to its end and returns how long it took and the largest
// memory that it, or a process it waited for, ever had, in bytes.
func (b *bench) run(ctx context.Context, c command) (took time.Duration, peak int64, err error) {
	path := filepath.Join(b.work, c.name+".log")
	log, err := os.Create(path)
	if err != nil {
		return 0, 0, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.dir, log, log
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	start := time.Now()
	err = cmd.Run()
	took = time.Since(start)
	if ctx.Err() != nil {
		return took, 0, ctx.Err()
	}
	if err != nil {
		return took, 0, fmt.Errorf("run %s: %w\n%s\n  log: %s", strings.Join(c.args, " "), err, tail(path, 15), path)
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		peak = usage.Maxrss << 10 // Linux counts in KiB
	}
	return took, peak, nil
}

// ci runs ci with these words and notes its memory.
func (b *bench) ci(ctx context.Context, root string, words ...string) (time.Duration, error) {
	args := append([]string{b.options.ci, "--root", root, "--output", filepath.Join(b.work, "output")}, words...)
	took, peak, err := b.run(ctx, command{name: "ci-" + words[0], dir: root, env: []string{"XDG_CACHE_HOME=" + b.cache()}, args: args})
	stages := strings.Join(words, " ")
	b.peaks[stages] = max(b.peaks[stages], float64(peak)/1e6)
	return took, err
}

// cache is where ci keeps notes and files of its own.
func (b *bench) cache() string { return filepath.Join(b.scratch, "cache") }

// forget takes away all that the engine and ci keep between runs.
func (b *bench) forget(ctx context.Context) error {
	if err := os.RemoveAll(b.cache()); err != nil {
		return err
	}
	const engine = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
	dagger := filepath.Join(b.env["SLIPWAY_BIN"], "dagger")
	_, _, err := b.run(ctx, command{name: "prune", dir: b.work, env: []string{engine + "=" + b.env[engine]}, args: []string{dagger, "--progress=plain", "core", "engine", "local-cache", "prune"}})
	return err
}

func tail(path string, n int) string {
	data, _ := os.ReadFile(path)
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-n):], "\n  ")
}

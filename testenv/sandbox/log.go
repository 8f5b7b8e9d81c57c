package sandbox

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Log tells a person what is going on and how long it has taken.
type Log struct {
	mu  sync.Mutex
	out io.Writer
	tty bool // lines may be written over
}

// NewLog writes to out; on a terminal a running step renews its line.
func NewLog(out io.Writer, tty bool) *Log { return &Log{out: out, tty: tty} }

// Say prints one line.
func (l *Log) Say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, format+"\n", args...)
}

// Step runs f under a name. What takes longer than two seconds shows how long.
func (l *Log) Step(name string, f func() error) error {
	began := time.Now()
	every := 15 * time.Second
	if l.tty {
		every = time.Second
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		first := time.After(2 * time.Second)
		for {
			select {
			case <-done:
				return
			case <-first:
			case <-tick.C:
			}
			if time.Since(began) >= 2*time.Second {
				l.progress(name, time.Since(began))
			}
		}
	})
	err := f()
	close(done)
	wg.Wait()
	took := time.Since(began)
	switch {
	case err != nil:
		l.line("✗ %s: failed after %s", name, seconds(took))
	case took >= 500*time.Millisecond:
		l.line("✓ %s  %s", name, seconds(took))
	}
	return err
}

func (l *Log) progress(name string, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tty {
		fmt.Fprintf(l.out, "\r\033[K… %s  %s", name, seconds(took))
		return
	}
	fmt.Fprintf(l.out, "… %s  %s\n", name, seconds(took))
}

func (l *Log) line(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tty {
		fmt.Fprint(l.out, "\r\033[K")
	}
	fmt.Fprintf(l.out, format+"\n", args...)
}

// Run runs a command as a step. Its output is shown only when it fails: the
// last lines, which is where programs say why.
func (l *Log) Run(name string, cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	return l.Step(name, func() error {
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w\n%s", name, err, lastLines(out.String(), 15))
		}
		return nil
	})
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return "  " + strings.Join(lines, "\n  ")
}

func seconds(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }

// Hint is an error that says what to do about it.
type Hint struct {
	Err  error
	Hint string
}

func (h *Hint) Error() string { return h.Err.Error() }
func (h *Hint) Unwrap() error { return h.Err }

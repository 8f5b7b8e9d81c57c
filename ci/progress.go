package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/teei/slipway/internal/action"
)

// Progress tells a person what is going on, a line at a time. Nothing else
// writes to standard error during a run.
type Progress struct {
	*action.Screen
	mu      sync.Mutex
	running map[string]time.Time
	last    time.Time
	stop    chan struct{}
}

// heartbeat is how long a run may say nothing.
const heartbeat = 15 * time.Second

// newProgress begins to tell; Close ends it.
func newProgress(w io.Writer) *Progress {
	p := &Progress{Screen: action.NewScreen(w), running: map[string]time.Time{}, last: time.Now(), stop: make(chan struct{})}
	go func() {
		tick := time.NewTicker(heartbeat / 3)
		defer tick.Stop()
		for {
			select {
			case <-p.stop:
				return
			case now := <-tick.C:
				p.beat(now)
			}
		}
	}()
	return p
}

// Close ends the heartbeat.
func (p *Progress) Close() {
	close(p.stop)
	p.Show("")
}

// Say writes one line.
func (p *Progress) Say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.say(fmt.Sprintf(format, args...))
}

func (p *Progress) say(line string) {
	p.last = time.Now()
	p.Screen.Say("%s", plain(line))
}

// Show shows what goes on now, where that can be replaced.
func (p *Progress) Show(line string) {
	show := p.Line()
	if show == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = time.Now()
	if line != "" {
		line = "  " + plain(line)
	}
	show(line)
}

// Start notes that a part runs; what it returns notes the end.
func (p *Progress) Start(name string) (end func(result string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	start := time.Now()
	if name != "dev" { // it tells by itself, and lasts
		p.running[name] = start
	}
	p.say("· " + name)
	return func(result string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.running, name)
		p.say(fmt.Sprintf("%s %s %s", result, name, seconds(time.Since(start))))
	}
}

func (p *Progress) beat(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.running) == 0 || now.Sub(p.last) < heartbeat {
		return
	}
	var parts []string
	for name, start := range p.running {
		parts = append(parts, name+" "+seconds(now.Sub(start)))
	}
	slices.Sort(parts)
	p.say("  … " + strings.Join(parts, ", "))
}

func seconds(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// devDesk keeps what is known of everything that runs in dev, and shows it
// whenever it changes.
type devDesk struct {
	p      *pipeline
	ports  []devPort
	mu     sync.Mutex
	states map[string]string
	errors map[string]int
	logs   map[string]*os.File
	timer  *time.Timer
	failed chan error
	ended  chan struct{}
	once   sync.Once
}

// settle is how long a change waits for others, so that eleven services that
// start make one table and not eleven.
const settle = 2 * time.Second

func newDevDesk(p *pipeline, ports []devPort) *devDesk {
	d := &devDesk{
		p: p, ports: ports, states: map[string]string{}, errors: map[string]int{}, logs: map[string]*os.File{},
		failed: make(chan error, 1), ended: make(chan struct{}),
	}
	d.timer = time.AfterFunc(time.Hour, d.show)
	d.timer.Stop()
	return d
}

// Close closes the log files.
func (d *devDesk) Close() {
	d.timer.Stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, file := range d.logs {
		_ = file.Close()
	}
	clear(d.logs)
}

// hear takes one event from the container.
func (d *devDesk) hear(line string) {
	e, ok := parseDevEvent(line)
	if !ok {
		d.p.progress.Say("  %s", line)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if e.Line != "" {
		d.write(e.Service, e.Line)
		if isErrorLine(e.Line) {
			d.errors[e.Service]++
			d.timer.Reset(settle)
		}
	}
	if e.State != "" && d.states[e.Service] != e.State {
		d.states[e.Service] = e.State
		d.timer.Reset(settle)
	}
	if e.Fatal {
		select {
		case d.failed <- errors.New(e.Service + ": " + e.State):
		default:
		}
	}
	if e.End {
		d.once.Do(func() { close(d.ended) })
	}
}

func (d *devDesk) write(service, line string) {
	file, ok := d.logs[service]
	if !ok {
		name := d.logPath(service)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err == nil {
			file, _ = os.Create(name) // without a file the table still counts
		}
		d.logs[service] = file
	}
	if file != nil {
		_, _ = fmt.Fprintln(file, line)
	}
}

func (d *devDesk) logPath(service string) string {
	return filepath.Join(d.p.options.Output, "logs", "dev", filepath.Base(service)+".log")
}

// show prints what is where.
func (d *devDesk) show() {
	d.mu.Lock()
	defer d.mu.Unlock()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "what\twhere\thealth\terrors\tlog")
	for _, port := range d.ports {
		where, state := fmt.Sprintf("http://localhost:%d", port.number), d.states[port.name]
		if port.kind != "" && port.kind != "clickhouse" {
			where = fmt.Sprintf("localhost:%d", port.number)
		}
		if state == "" {
			state = "starting"
		}
		log := shortPath(d.p.dir, d.logPath(port.name))
		if port.kind != "" {
			log = "dagger.log"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", port.name, where, state, d.errors[port.name], log)
	}
	_ = w.Flush() // into memory
	d.p.progress.Say("\n%sports listen on all of this machine's addresses; variables are in %s; Ctrl-C stops all of it",
		b.String(), shortPath(d.p.dir, d.p.devEnvPath()))
}

// waitEnd waits until the container says that all has stopped.
func (d *devDesk) waitEnd(ctx context.Context) {
	select {
	case <-d.ended:
	case <-ctx.Done():
	}
}

var errorWord = regexp.MustCompile(`(?i)^\W*(\[?(error|fatal|panic)\b|\S*(Error|Exception):)`)

// isErrorLine tells an error in a log: by its level, if the line is JSON.
func isErrorLine(line string) bool {
	var entry struct {
		Level any `json:"level"`
	}
	if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &entry) == nil {
		switch level := entry.Level.(type) {
		case string:
			level = strings.ToLower(level)
			return level == "error" || level == "fatal" || level == "critical"
		case float64:
			return level >= 50 // as pino counts
		}
		return false
	}
	return errorWord.MatchString(line)
}

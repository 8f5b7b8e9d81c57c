package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/sandbox"
)

type options struct {
	ci, root, work, out, only string
	short, long               int
}

// bench is what all benchmarks of a run share.
type bench struct {
	options
	env      map[string]string  // the sandbox's addresses
	platform *platform.Platform // the sample
	scratch  string             // gone when the run ends
	id       string             // of this run, in names of databases and namespaces
	edits    int
	repeated int                // runs, because they failed
	peaks    map[string]float64 // largest memory of ci in MB, by its stages
	began    time.Time
}

func newBench(o options) (*bench, error) {
	env, err := platform.ReadEnvFile(sandbox.EnvFile)
	if err != nil {
		return nil, &sandbox.Hint{Err: err, Hint: "go run ./testenv up"}
	}
	for _, path := range []*string{&o.ci, &o.root, &o.work, &o.out} {
		if *path, err = filepath.Abs(*path); err != nil {
			return nil, err
		}
	}
	if _, err := os.Stat(o.ci); err != nil {
		return nil, &sandbox.Hint{Err: err, Hint: "make bench builds it"}
	}
	p, err := platform.Load(o.root)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.work, 0o755); err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", "slipway-bench-")
	if err != nil {
		return nil, err
	}
	return &bench{
		options: o, env: env, platform: p, scratch: scratch, id: strings.ToLower(rand.Text()[:8]),
		peaks: map[string]float64{}, began: time.Now(),
	}, nil
}

func (b *bench) close() {
	if err := os.RemoveAll(b.scratch); err != nil {
		b.say("left over: %v", err)
	}
}

// say prints a line with the time since the run began.
func (b *bench) say(format string, args ...any) {
	at := time.Since(b.began).Round(time.Second)
	fmt.Fprintf(os.Stderr, "%7s  %s\n", at, fmt.Sprintf(format, args...))
}

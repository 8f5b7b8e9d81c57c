package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"dagger.io/dagger"

	"github.com/teei/slipway/internal/platform"
)

// takeBack is how long a part inside a container may go on after Ctrl-C, to
// take back what it did.
const takeBack = 10 * time.Minute

// inside runs a part of ci in a container: on a leash, never from a cache, and
// with credentials only as secrets. It returns the container after it, and the
// log of what was told.
func inside[T any](ctx context.Context, p *pipeline, c *dagger.Container, t *tunnels, args ...string) (outcome Outcome[T], after *dagger.Container, log string, err error) {
	var lines strings.Builder
	var mu sync.Mutex
	l, err := newLeash(ctx, func(said told) {
		if said.Passing != "" {
			p.progress.Show(said.Passing)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if said.Record != nil {
			p.keepRecord(said.Record)
			return
		}
		line := t.known(said.Line)
		fmt.Fprintln(&lines, line)
		p.progress.Say("  %s", line)
	})
	if err != nil {
		return outcome, nil, "", err
	}
	defer l.Close()
	if c, err = p.withSelf(c); err != nil {
		return outcome, nil, "", err
	}
	c = t.bind(p.dag, c).
		WithServiceBinding(leashName, hostPort(p.dag, l.port(), leashPort)).
		WithEnvVariable(leashVariable, fmt.Sprintf("%s:%d", leashName, leashPort)).
		WithEnvVariable("SLIPWAY_RUN", p.run+"-"+strings.Join(args, "-")).
		WithExec(append([]string{selfPath, "inside"}, args...))
	// Not ctx: the part inside ends by itself when it is told to.
	lasting, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() {
		p.progress.Say("  cancelled; waiting for what is under way to end in order (Ctrl-C again: do not wait)")
		time.AfterFunc(takeBack, stop)
	})()
	text, err := c.File(resultFile).Contents(lasting)
	mu.Lock()
	log = lines.String()
	mu.Unlock()
	if err != nil {
		var failed *dagger.ExecError
		if errors.As(err, &failed) {
			return outcome, c, log + joinOutput(failed.Stdout, failed.Stderr), fmt.Errorf("%s ended without a result: %s", args[0], strings.Join(lastLines(failed.Stderr, 1), ""))
		}
		return outcome, c, log, explain("run "+args[0], err)
	}
	if err := json.Unmarshal([]byte(text), &outcome); err != nil {
		return outcome, c, log, fmt.Errorf("read the result of %s: %w", args[0], err)
	}
	outcome.Error = t.known(outcome.Error)
	return outcome, c, log, outcome.Err()
}

// withValues gives a container the target's variables as secrets, addresses
// rewritten to tunnels where they need one.
func (p *pipeline) withValues(c *dagger.Container, target platform.Target, t *tunnels) (*dagger.Container, error) {
	for _, name := range sortedKeys(target.Values) {
		value := target.Values[name]
		if port, ok := p.usualPort(name); ok {
			var err error
			if value, err = t.through(value, port); err != nil {
				return nil, err
			}
		}
		c = c.WithSecretVariable(name, p.dag.SetSecret("target-"+name, value))
	}
	return c, nil
}

// usualPort is that of the server behind a variable that holds an address.
func (p *pipeline) usualPort(variable string) (int, bool) {
	for _, in := range p.platform.Infrastructure {
		if in.Variable == variable {
			return in.Port, true
		}
	}
	if m := p.platform.Verify.Metrics; m != nil && m.Prometheus == variable {
		return 9090, true
	}
	if d := p.platform.Database; d != nil && d.URL == variable {
		return 5432, true
	}
	return 0, false
}

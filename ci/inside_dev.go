package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/teei/slipway/internal/platform"
)

// devInside is the container of dev: it passes on the servers' ports, runs the
// migrations, then all services, and tells about them.
func devInside(ctx context.Context) error {
	p, err := platform.Load(workdir)
	if err != nil {
		return err
	}
	return onLeash(ctx, func(ctx context.Context, ci *outside) error {
		tell := func(e devEvent) {
			data, _ := json.Marshal(e) // strings and booleans only
			ci.say("%s", data)
		}
		defer tell(devEvent{End: true})
		return runDev(ctx, p, tell)
	})
}

func runDev(ctx context.Context, p *platform.Platform, tell func(devEvent)) error {
	group, waiting := errgroup.WithContext(ctx)
	for _, kind := range sortedKeys(p.Infrastructure) {
		in := p.Infrastructure[kind]
		if err := passOn(ctx, in.Port, kind); err != nil {
			tell(devEvent{Service: kind, State: err.Error(), Fatal: true})
			return err
		}
		group.Go(func() error {
			if err := waitFor(waiting, kind, os.Getenv(in.Variable), serverDeadline); err != nil {
				tell(devEvent{Service: kind, State: err.Error(), Fatal: true})
				return err
			}
			tell(devEvent{Service: kind, State: "healthy"})
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if p.Database != nil {
		output, err := runShell(ctx, p.Database.Migrate)
		if err != nil {
			tell(devEvent{Service: "migrations", Line: output, State: err.Error() + ": " + strings.Join(lastLines(output, 3), " "), Fatal: true})
			return err
		}
	}
	var running sync.WaitGroup
	for _, s := range p.Ordered() {
		if s.Dev == "" {
			continue
		}
		running.Go(func() { runService(ctx, s, tell) })
	}
	running.Wait()
	return nil
}

// passOn makes a server answer on its usual port of this container.
func passOn(ctx context.Context, port int, host string) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go join(ctx, conn, fmt.Sprintf("%s:%d", host, port))
		}
	}()
	return nil
}

// join copies both ways until one side ends.
func join(ctx context.Context, from net.Conn, address string) {
	defer from.Close()
	to, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer to.Close()
	var both sync.WaitGroup
	half := func(dst, src net.Conn) {
		_, _ = io.Copy(dst, src) // an end is an end, whatever the reason
		if tcp, ok := dst.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}
	both.Go(func() { half(to, from) })
	both.Go(func() { half(from, to) })
	both.Wait()
}

// runService runs one service's dev command, with all it starts, until the end.
func runService(ctx context.Context, s platform.Service, tell func(devEvent)) {
	cmd := exec.CommandContext(ctx, "sh", "-c", s.Dev)
	cmd.Dir = workdir
	cmd.Env = append(os.Environ(), fmt.Sprintf("PORT=%d", s.Port))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	read, write := io.Pipe()
	cmd.Stdout, cmd.Stderr = write, write
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(read)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			tell(devEvent{Service: s.Name, Line: lines.Text()})
		}
		_, _ = io.Copy(io.Discard, read) // a line too long must not block the service
	}()
	watching, stop := context.WithCancel(ctx)
	go watchHealth(watching, s, tell)
	err := cmd.Run()
	stop()
	_ = write.Close()
	<-done
	if ctx.Err() == nil {
		tell(devEvent{Service: s.Name, State: "ended: " + reason(err)})
	}
}

func reason(err error) string {
	if err == nil {
		return "exit code 0"
	}
	return err.Error()
}

// watchHealth asks a service the way a cluster would, once a second.
func watchHealth(ctx context.Context, s platform.Service, tell func(devEvent)) {
	client := &http.Client{Timeout: 2 * time.Second}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	was := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", s.Port, s.Health), nil)
		if err != nil {
			return
		}
		response, err := client.Do(request)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && was:
			tell(devEvent{Service: s.Name, State: "no answer"})
		case err == nil:
			_ = response.Body.Close()
			state := "healthy"
			if response.StatusCode/100 != 2 {
				state = "answers " + response.Status
			}
			was = true
			tell(devEvent{Service: s.Name, State: state})
		}
	}
}

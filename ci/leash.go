package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// A leash is a connection between ci and the part of it that works inside a
// container. What happens inside is told over it as it happens, a line at a
// time; and ci lets go of it on Ctrl-C, or because it died, so that the part
// inside takes back what it did. Killing the container could not do that.
type leash struct {
	listener net.Listener
	mu       sync.Mutex
	conns    []net.Conn
	let      bool
}

// transient begins a line that the next one replaces, where it is shown on a terminal.
const transient = "\r"

const (
	leashVariable = "SLIPWAY_LEASH"
	leashName     = "slipway-leash"
	leashPort     = 7000
)

// newLeash listens for the part inside, until closed.
func newLeash(ctx context.Context, say func(line string)) (*leash, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the container: %w", err)
	}
	l := &leash{listener: listener}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			l.add(conn)
			go func() {
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					say(lines.Text())
				}
			}()
		}
	}()
	context.AfterFunc(ctx, l.letGo)
	return l, nil
}

func (l *leash) port() int { return l.listener.Addr().(*net.TCPAddr).Port }

func (l *leash) add(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, conn)
	if l.let {
		_, _ = fmt.Fprintln(conn, "stop")
	}
}

// letGo tells the part inside to take back what it did. A word is sent, and
// the connection kept: what it does then is still told.
func (l *leash) letGo() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.let = true
	for _, conn := range l.conns {
		_, _ = fmt.Fprintln(conn, "stop") // who is gone already has nothing to take back
	}
}

// Close ends the listening and all connections.
func (l *leash) Close() error {
	err := l.listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.conns {
		_ = conn.Close()
	}
	return err
}

// onLeash runs work inside a container, cancelled when ci lets go. Without a
// leash nobody could stop it, so it is not begun.
func onLeash(ctx context.Context, work func(ctx context.Context, say func(string, ...any)) error) error {
	address := os.Getenv(leashVariable)
	if address == "" {
		return errNotInside
	}
	dialer := net.Dialer{Timeout: 20 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("reach ci outside of the container: %w", err)
	}
	defer conn.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		_, _ = conn.Read(make([]byte, 1)) // a word, or the end: both mean the same
		cancel(errLetGo)
	}()
	var mu sync.Mutex
	return work(ctx, func(format string, args ...any) {
		line := fmt.Sprintf(format, args...)
		mu.Lock()
		defer mu.Unlock()
		if !strings.HasPrefix(line, transient) {
			fmt.Println(line)
		}
		_ = conn.SetWriteDeadline(time.Now().Add(2 * time.Second)) // who does not listen must not stop the work
		_, _ = fmt.Fprintln(conn, line)
	})
}

var errLetGo = errors.New("cancelled")

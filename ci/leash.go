package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/teei/slipway/internal/ledger"
)

// A leash is a connection between ci and the part of it that works inside a
// container. What happens inside is told over it as it happens, in lines of
// JSON; and ci lets go of it on Ctrl-C, or because it died, so that the part
// inside takes back what it did. Killing the container could not do that.
type leash struct {
	listener net.Listener
	mu       sync.Mutex
	conns    []net.Conn
	let      bool
}

const (
	leashVariable = "SLIPWAY_LEASH"
	leashName     = "slipway-leash"
	leashPort     = 7000
)

// told is what the part inside tells: a line for people, one that the next
// replaces where it is shown on a terminal, or a record that the ledger just got.
type told struct {
	Line    string         `json:"line,omitempty"`
	Passing string         `json:"passing,omitempty"`
	Record  *ledger.Record `json:"record,omitempty"`
}

// newLeash listens for the part inside, until closed.
func newLeash(ctx context.Context, hear func(told)) (*leash, error) {
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
				for from := json.NewDecoder(conn); ; {
					var t told
					if from.Decode(&t) != nil {
						return
					}
					hear(t)
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

// outside is ci, to the part of it that works inside a container.
type outside struct {
	mu   sync.Mutex
	conn net.Conn
}

// say tells people a line.
func (o *outside) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	fmt.Println(line)
	o.tell(told{Line: line})
}

// show tells people a line that the next one replaces.
func (o *outside) show(line string) { o.tell(told{Passing: line}) }

// keep hands out a record as the ledger got it.
func (o *outside) keep(r *ledger.Record) { o.tell(told{Record: r}) }

func (o *outside) tell(t told) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.conn.SetWriteDeadline(time.Now().Add(2 * time.Second)) // who does not listen must not stop the work
	_ = json.NewEncoder(o.conn).Encode(t)
}

// onLeash runs work inside a container, cancelled when ci lets go. Without a
// leash nobody could stop it, so it is not begun.
func onLeash(ctx context.Context, work func(ctx context.Context, ci *outside) error) error {
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
	return work(ctx, &outside{conn: conn})
}

var errLetGo = errors.New("cancelled")

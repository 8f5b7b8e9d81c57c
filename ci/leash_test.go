package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/ledger"
)

// begin starts a leash and, on it, work as a container would do it.
func begin(t *testing.T, ctx context.Context, work func(context.Context, *outside) error) (l *leash, heard chan told, ended chan error) {
	t.Helper()
	heard, ended = make(chan told, 10), make(chan error, 1)
	l, err := newLeash(ctx, func(t told) { heard <- t })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	t.Setenv(leashVariable, fmt.Sprintf("127.0.0.1:%d", l.port()))
	go func() { ended <- onLeash(context.Background(), work) }()
	return l, heard, ended
}

func receive[T any](t *testing.T, from chan T) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
	}
	return value
}

func untilLetGo(ctx context.Context, ci *outside) error {
	ci.say("at work")
	<-ctx.Done()
	ci.say("taking it back")
	return context.Cause(ctx)
}

func TestLettingGoIsTakenBackInOrder(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	_, heard, ended := begin(t, ctx, untilLetGo)
	if got := receive(t, heard); got.Line != "at work" {
		t.Errorf("told %q", got.Line)
	}
	interrupt()
	if got := receive(t, heard); got.Line != "taking it back" {
		t.Errorf("told %q: what happens after Ctrl-C must be seen", got.Line)
	}
	if err := receive(t, ended); !errors.Is(err, errLetGo) {
		t.Errorf("ended with %v", err)
	}
}

func TestDeathOfCiEndsTheWorkInside(t *testing.T) {
	l, heard, ended := begin(t, t.Context(), untilLetGo)
	receive(t, heard)
	if err := l.Close(); err != nil { // as the kernel does when ci is killed
		t.Fatal(err)
	}
	if err := receive(t, ended); !errors.Is(err, errLetGo) {
		t.Errorf("ended with %v", err)
	}
}

func TestNothingBeginsWithoutALeash(t *testing.T) {
	t.Setenv(leashVariable, "")
	err := onLeash(t.Context(), func(context.Context, *outside) error {
		t.Error("it began")
		return nil
	})
	if err == nil {
		t.Error("no error")
	}
}

// A record is as long as it is, and no line that imitates one is taken for one.
func TestRecordsAreHandedOut(t *testing.T) {
	record := &ledger.Record{Number: 7, Environment: "production", Verdict: strings.Repeat("x", 1<<20)}
	_, heard, ended := begin(t, t.Context(), func(_ context.Context, ci *outside) error {
		ci.keep(record)
		ci.say("%s", `{"record":{"number":8}}`)
		return nil
	})
	if got := receive(t, heard); got.Record == nil || got.Record.Number != 7 || got.Record.Verdict != record.Verdict {
		t.Errorf("%+v", got)
	}
	if got := receive(t, heard); got.Record != nil || got.Line != `{"record":{"number":8}}` {
		t.Errorf("%+v", got)
	}
	if err := receive(t, ended); err != nil {
		t.Error(err)
	}
}

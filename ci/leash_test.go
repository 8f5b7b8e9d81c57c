package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// begin starts a leash and, on it, work as a container would do it.
func begin(t *testing.T, ctx context.Context, work func(context.Context, func(string, ...any)) error) (l *leash, told chan string, ended chan error) {
	t.Helper()
	told, ended = make(chan string, 10), make(chan error, 1)
	l, err := newLeash(ctx, func(line string) { told <- line })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	t.Setenv(leashVariable, fmt.Sprintf("127.0.0.1:%d", l.port()))
	go func() { ended <- onLeash(context.Background(), work) }()
	return l, told, ended
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

func untilLetGo(ctx context.Context, say func(string, ...any)) error {
	say("at work")
	<-ctx.Done()
	say("taking it back")
	return context.Cause(ctx)
}

func TestLettingGoIsTakenBackInOrder(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	_, told, ended := begin(t, ctx, untilLetGo)
	if line := receive(t, told); line != "at work" {
		t.Errorf("told %q", line)
	}
	interrupt()
	if line := receive(t, told); line != "taking it back" {
		t.Errorf("told %q: what happens after Ctrl-C must be seen", line)
	}
	if err := receive(t, ended); !errors.Is(err, errLetGo) {
		t.Errorf("ended with %v", err)
	}
}

func TestDeathOfCiEndsTheWorkInside(t *testing.T) {
	l, told, ended := begin(t, t.Context(), untilLetGo)
	receive(t, told)
	if err := l.Close(); err != nil { // as the kernel does when ci is killed
		t.Fatal(err)
	}
	if err := receive(t, ended); !errors.Is(err, errLetGo) {
		t.Errorf("ended with %v", err)
	}
}

func TestNothingBeginsWithoutALeash(t *testing.T) {
	t.Setenv(leashVariable, "")
	err := onLeash(t.Context(), func(context.Context, func(string, ...any)) error {
		t.Error("it began")
		return nil
	})
	if err == nil {
		t.Error("no error")
	}
}

package action

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// UntilCancelled is a context that ends at the first INT or TERM, for what was
// begun to be taken back. At a terminal, the second Ctrl-C ends the process at
// once. TERM never does: `dagger run` sends one for the same Ctrl-C that reached
// this process as well, and a runner one some seconds after its INT. Whoever
// does not want to wait sends KILL.
func UntilCancelled() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
		case <-ctx.Done():
		}
		if os.Getenv("GITHUB_ACTIONS") != "true" {
			signal.Reset(os.Interrupt)
		}
		cancel()
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}

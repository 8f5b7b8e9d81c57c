// Command ci is the pipeline: it checks a platform, makes its images, backs up
// and migrates its database and deploys its services, all of it in containers,
// the same on a laptop and on a runner.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal what was begun is taken back; the second one ends it all.
	context.AfterFunc(ctx, stop)
	code := Main(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	// The only exit: one in the middle of a run would lose output inside `dagger run`.
	os.Exit(code)
}

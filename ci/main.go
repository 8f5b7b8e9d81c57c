// Command ci is the pipeline: it checks a platform, makes its images, backs up
// and migrates its database and deploys its services, all of it in containers,
// the same on a laptop and on a runner.
package main

import (
	"os"

	"github.com/teei/slipway/internal/action"
)

func main() {
	ctx, stop := action.UntilCancelled()
	code := Main(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	// The only exit: one in the middle of a run would lose output inside `dagger run`.
	os.Exit(code)
}

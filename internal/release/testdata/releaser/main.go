// Command releaser makes a release of three small services, continues one, or
// takes one back: what the crash tests kill. Built with the tag "crash".
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/rollout"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	kubeconfig := flag.String("kubeconfig", "", "")
	environment := flag.String("env", "", "")
	namespace := flag.String("namespace", "", "")
	manifests := flag.String("manifests", "", "")
	lease := flag.Duration("lease", 2*time.Second, "")
	flag.Parse()
	config, err := os.ReadFile(*kubeconfig)
	if err != nil {
		return err
	}
	cluster, err := kube.Connect(ctx, config, "")
	if err != nil {
		return err
	}
	book, err := ledger.Open(cluster, *environment)
	if err != nil {
		return err
	}
	objects, err := kube.Render(ctx, kube.Source{Files: []string{*manifests}}, kube.RenderOptions{Namespace: *namespace})
	if err != nil {
		return err
	}
	o := release.Options{Ledger: book, Lease: *lease, Rollout: rollout.Options{
		Cluster: cluster, Namespace: *namespace, Objects: objects, Deadline: 20 * time.Second,
		Services: []rollout.Service{{Name: "one"}, {Name: "two"}, {Name: "three"}},
	}}
	var outcome *release.Outcome
	switch what := flag.Arg(0); what {
	case "run":
		outcome, err = release.Run(ctx, o)
	case "resume":
		outcome, err = release.Resume(ctx, o)
	case "rollback":
		outcome, err = release.Rollback(ctx, o, release.Previous)
	default:
		return fmt.Errorf("what is %q?", what)
	}
	if outcome != nil {
		fmt.Println(outcome.State)
	}
	return err
}

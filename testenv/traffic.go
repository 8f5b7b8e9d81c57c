package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/probe"
)

// traffic walks the sample's flows again and again, as many users at a time, so
// that there is something to measure.
type traffic struct {
	root   string
	users  int
	lasts  time.Duration
	stdout io.Writer

	walked, failed atomic.Int64
	last           atomic.Value // string: why a flow failed
}

func trafficCommand() *cobra.Command {
	t := &traffic{stdout: os.Stdout}
	c := &cobra.Command{
		Use: "traffic", Short: "Use the released sample as its users do, until Ctrl-C", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return t.run(cmd.Context()) },
	}
	c.Flags().StringVar(&t.root, "root", "testenv/platform", "folder of the sample's slipway.yaml")
	c.Flags().IntVar(&t.users, "users", 2, "users at a time")
	c.Flags().DurationVar(&t.lasts, "for", 0, "how long (default: until Ctrl-C)")
	return c
}

func (t *traffic) run(ctx context.Context) error {
	p, err := platform.Load(t.root)
	if err != nil {
		return err
	}
	target, err := p.Target("", os.Getenv)
	if err != nil {
		return err
	}
	kubeconfig, err := os.ReadFile(target.Kubeconfig)
	if err != nil {
		return err
	}
	cluster, err := kube.Connect(ctx, kubeconfig, target.Context)
	if err != nil {
		return err
	}
	if t.lasts > 0 {
		var stop func()
		ctx, stop = context.WithTimeout(ctx, t.lasts)
		defer stop()
	}
	var work sync.WaitGroup
	for range t.users {
		work.Go(func() { t.user(ctx, cluster, target.Namespace, p.Flows) })
	}
	t.tell(ctx)
	work.Wait()
	fmt.Fprintf(t.stdout, "%d flows walked, %d failed\n", t.walked.Load(), t.failed.Load())
	return nil
}

func (t *traffic) user(ctx context.Context, cluster *kube.Cluster, namespace string, flows []platform.Flow) {
	for ctx.Err() == nil {
		for _, flow := range flows {
			err := walk(ctx, cluster, namespace, flow)
			switch {
			case ctx.Err() != nil:
				return
			case err == nil:
				t.walked.Add(1)
			default:
				t.failed.Add(1)
				t.last.Store(err.Error())
				select { // a service that is away is not asked in a hurry
				case <-ctx.Done():
				case <-time.After(200 * time.Millisecond):
				}
			}
		}
	}
}

func walk(ctx context.Context, cluster *kube.Cluster, namespace string, flow platform.Flow) error {
	tunnel, err := cluster.TunnelToService(ctx, namespace, flow.Service)
	if err != nil {
		return err
	}
	defer tunnel.Close()
	transport := tunnel.Transport()
	if t, ok := transport.(*http.Transport); ok {
		defer t.CloseIdleConnections()
	}
	_, err = probe.Flow(ctx, transport, "http://"+flow.Service, flow)
	return err
}

// tell says every few seconds how it goes.
func (t *traffic) tell(ctx context.Context) {
	beat := time.NewTicker(5 * time.Second)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			why, _ := t.last.Swap("").(string)
			if why != "" {
				why = ": " + why
			}
			fmt.Fprintf(t.stdout, "%d flows walked, %d failed%s\n", t.walked.Load(), t.failed.Load(), why)
		}
	}
}

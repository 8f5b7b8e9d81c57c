package release

import (
	"context"
	"fmt"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/probe"
)

// walk walks one of the platform's user flows through a tunnel to the service that
// it begins at: nothing has to be reachable from here but the API server.
func walk(ctx context.Context, cluster *kube.Cluster, namespace string, flow platform.Flow, say func(string, ...any)) error {
	tunnel, err := cluster.TunnelToService(ctx, namespace, flow.Service)
	if err != nil {
		return fmt.Errorf("%s: reach %s: %w", flow.Name, flow.Service, err)
	}
	defer tunnel.Close()
	result, err := probe.Flow(ctx, tunnel.Transport(), "http://"+flow.Service, flow)
	if err != nil {
		return err
	}
	say("✓ %s (%d steps, %.1fs)", flow.Name, len(flow.Steps), result.Seconds)
	return nil
}

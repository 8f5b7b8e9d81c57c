// Package kubetest gives tests a namespace of their own in the sandbox's cluster.
package kubetest

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/platform"
)

// Kubeconfig is the path of the sandbox's kubeconfig. Without a sandbox the test fails.
func Kubeconfig(t testing.TB) string {
	t.Helper()
	values, err := platform.ReadEnvFile(platform.EnvFile)
	if err != nil || values["KUBECONFIG"] == "" {
		t.Fatalf("this test needs the sandbox's cluster; start it with: go run ./testenv up (%v)", err)
	}
	return values["KUBECONFIG"]
}

// Cluster connects to the sandbox's cluster.
func Cluster(t testing.TB) *kube.Cluster {
	t.Helper()
	config, err := os.ReadFile(Kubeconfig(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	c, err := kube.Connect(ctx, config, "")
	if err != nil {
		t.Fatalf("%v; start the sandbox with: go run ./testenv up", err)
	}
	return c
}

// Namespace creates a namespace that is deleted when the test ends.
func Namespace(t testing.TB, c *kube.Cluster) string {
	t.Helper()
	name := "slipway-test-" + strings.ToLower(rand.Text()[:10])
	if err := c.EnsureNamespace(context.Background(), name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		obj := &kube.Object{}
		obj.SetAPIVersion("v1")
		obj.SetKind("Namespace")
		obj.SetName(name)
		if err := c.Delete(context.Background(), obj); err != nil {
			t.Error(err)
		}
	})
	return name
}

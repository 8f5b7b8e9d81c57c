// Package kubetest connects tests to the sandbox's cluster.
package kubetest

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/testenv/testenv"
)

// Cluster connects to the sandbox's cluster. Without a sandbox the test fails.
func Cluster(t testing.TB) *kube.Cluster {
	t.Helper()
	config, err := os.ReadFile(testenv.Env(t)["KUBECONFIG"])
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	c, err := kube.Connect(ctx, config, "")
	if err != nil {
		t.Fatalf("%v\nhint: go run ./testenv up", err)
	}
	return c
}

// Context is for what a test cleans up when its own context has ended.
func Context(t testing.TB) context.Context {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(stop)
	return ctx
}

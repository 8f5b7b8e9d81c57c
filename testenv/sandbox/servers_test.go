package sandbox

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// A server that takes connections and says nothing is asked no longer than the
// caller wants to wait.
func TestSilentNATS(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	began := time.Now()
	if err := natsReady(ctx, "nats://"+silent.Addr().String()); err == nil {
		t.Error("it is said to be ready")
	}
	if took := time.Since(began); took >= nats.DefaultTimeout {
		t.Errorf("asked for %s", took)
	}
}

package kube

import (
	"context"
	"errors"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Away reports whether err says that the API server, or what it needs itself,
// did not answer, so that the same request may succeed later.
func Away(err error) bool {
	var status apierrors.APIStatus
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.As(err, &status):
		code := status.Status().Code
		return code >= 500 || code == http.StatusTooManyRequests
	}
	return errors.As(err, new(*UnreachableError))
}

// Outlast is a context that ends with lasting, or some time after ctx.
func Outlast(ctx, lasting context.Context, by time.Duration) (context.Context, func()) {
	longer, cancel := context.WithCancel(lasting)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(by, cancel) })
	return longer, func() { stop(); cancel() }
}

// patiently asks again while the API server is away, for as long as the
// cluster's Patience. Nothing tells when it is back, so the pauses grow.
func (c *Cluster) patiently(ctx context.Context, act func() error) error {
	given := time.Now().Add(c.Patience)
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		err := act()
		if !Away(err) || time.Now().After(given) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

package kube

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxAnswer is how much of an answer is kept; health answers are small, and a
// service under test may send anything.
const maxAnswer = 1 << 20

// Answer is what an HTTP request through the API server brought back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// StatusError is an HTTP answer that was not the expected one.
type StatusError struct{ Status int }

func (e *StatusError) Error() string {
	return fmt.Sprintf("it answered %d %s", e.Status, http.StatusText(e.Status))
}

// Get sends a GET request to the API server and returns whatever it answers.
func (c *Cluster) Get(ctx context.Context, path string) (*Answer, error) {
	return c.get(ctx, path, maxAnswer)
}

func (c *Cluster) get(ctx context.Context, path string, limit int64) (*Answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.Server, "/")+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, limit))
	if err != nil {
		return nil, err
	}
	return &Answer{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

// GetPod asks a pod itself, through the API server's proxy.
func (c *Cluster) GetPod(ctx context.Context, namespace, pod string, port int, path string) (*Answer, error) {
	return c.Get(ctx, proxyPath(namespace, "pods", fmt.Sprintf("%s:%d", pod, port), path))
}

// maxMetrics is how much of a pod's metrics is read; some have many series.
const maxMetrics = 16 << 20

// Metrics asks a pod for its metrics, and waits for an API server that is away.
func (c *Cluster) Metrics(ctx context.Context, namespace, pod string, port int, path string) (answer *Answer, err error) {
	err = c.patiently(ctx, func() (err error) {
		answer, err = c.get(ctx, proxyPath(namespace, "pods", fmt.Sprintf("%s:%d", pod, port), path), maxMetrics)
		return c.explain(err)
	})
	return answer, err
}

// GetService asks through a Service, by the name or number of its port.
func (c *Cluster) GetService(ctx context.Context, namespace, service, port, path string) (*Answer, error) {
	return c.Get(ctx, proxyPath(namespace, "services", service+":"+port, path))
}

func proxyPath(namespace, resource, target, path string) string {
	return "/api/v1/namespaces/" + url.PathEscape(namespace) + "/" + resource + "/" + target + "/proxy/" + strings.TrimPrefix(path, "/")
}

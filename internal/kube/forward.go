package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/httpstream" //nolint:staticcheck // what client-go's dialers return
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// Tunnel is an open way to one port of one pod. The API server's proxies keep
// the Authorization header for themselves and rewrite answers; a tunnel carries
// bytes, so that requests arrive as a user sent them.
type Tunnel struct {
	// Pod at the other end.
	Pod string

	conn httpstream.Connection
	port int
	mu   sync.Mutex
	next int
}

// TunnelToService opens a tunnel to a ready pod behind a Service.
func (c *Cluster) TunnelToService(ctx context.Context, namespace, service string) (*Tunnel, error) {
	slices, err := List[discoveryv1.EndpointSlice](ctx, c, EndpointSlices, namespace, discoveryv1.LabelServiceName+"="+service, "")
	if err != nil {
		return nil, err
	}
	for _, slice := range slices {
		if len(slice.Ports) == 0 || slice.Ports[0].Port == nil {
			continue
		}
		for _, e := range slice.Endpoints {
			if e.TargetRef != nil && e.TargetRef.Kind == "Pod" && (e.Conditions.Ready == nil || *e.Conditions.Ready) {
				return c.TunnelToPod(ctx, namespace, e.TargetRef.Name, int(*slice.Ports[0].Port))
			}
		}
	}
	return nil, fmt.Errorf("open a tunnel to Service/%s/%s: no ready pod is behind it", namespace, service)
}

// TunnelToPod opens a tunnel to a port of a pod.
func (c *Cluster) TunnelToPod(ctx context.Context, namespace, pod string, port int) (*Tunnel, error) {
	address, err := url.Parse(c.Server)
	if err != nil {
		return nil, errors.New("open a tunnel: the server's address is not a URL")
	}
	address = address.JoinPath("api/v1/namespaces", namespace, "pods", pod, "portforward")
	dialer, err := c.dialer(address)
	if err != nil {
		return nil, fmt.Errorf("open a tunnel to %s/%s: %w", namespace, pod, err)
	}
	type dialled struct {
		conn httpstream.Connection
		err  error
	}
	// The dialer takes no context.
	done := make(chan dialled, 1)
	go func() {
		conn, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
		done <- dialled{conn, err}
	}()
	select {
	case d := <-done:
		if d.err != nil {
			return nil, fmt.Errorf("open a tunnel to %s/%s: %w", namespace, pod, c.explain(d.err))
		}
		return &Tunnel{Pod: pod, conn: d.conn, port: port}, nil
	case <-ctx.Done():
		go func() {
			if d := <-done; d.err == nil {
				_ = d.conn.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// dialer speaks WebSocket, and SPDY with API servers before 1.31.
func (c *Cluster) dialer(address *url.URL) (httpstream.Dialer, error) {
	transport, upgrader, err := spdy.RoundTripperFor(c.config)
	if err != nil {
		return nil, err
	}
	old := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, address)
	modern, err := portforward.NewSPDYOverWebsocketDialer(address, c.config)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialer(modern, old, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}

// Transport sends HTTP requests through the tunnel, whatever host they name.
func (t *Tunnel) Transport() http.RoundTripper {
	return &http.Transport{DialContext: t.dial, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}
}

// Close ends the tunnel and all that goes through it.
func (t *Tunnel) Close() error { return t.conn.Close() }

func (t *Tunnel) dial(context.Context, string, string) (net.Conn, error) {
	t.mu.Lock()
	id := strconv.Itoa(t.next)
	t.next++
	t.mu.Unlock()
	header := http.Header{}
	header.Set(corev1.PortHeader, strconv.Itoa(t.port))
	header.Set(corev1.PortForwardRequestIDHeader, id)
	header.Set(corev1.StreamType, corev1.StreamTypeError)
	complaints, err := t.conn.CreateStream(header)
	if err != nil {
		return nil, fmt.Errorf("open a connection to %s: %w", t.Pod, err)
	}
	_ = complaints.Close() // our half: we only read it
	header.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := t.conn.CreateStream(header)
	if err != nil {
		t.conn.RemoveStreams(complaints)
		return nil, fmt.Errorf("open a connection to %s: %w", t.Pod, err)
	}
	c := &stream{Stream: data, tunnel: t, complaints: complaints, said: make(chan string, 1)}
	go c.listen()
	return c, nil
}

// stream is one connection through a tunnel.
type stream struct {
	httpstream.Stream
	tunnel     *Tunnel
	complaints httpstream.Stream
	said       chan string
	once       sync.Once
}

// listen reads what the kubelet has to say, such as that nothing listens on the port.
func (s *stream) listen() {
	message, _ := io.ReadAll(io.LimitReader(s.complaints, 4096))
	s.said <- string(message)
	if len(message) > 0 {
		_ = s.Reset()
	}
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.Stream.Read(p)
	if err != nil && n == 0 {
		select {
		case message := <-s.said:
			if message != "" {
				return 0, errors.New(message)
			}
		default:
		}
	}
	return n, err
}

// Close ends the connection.
func (s *stream) Close() error {
	var err error
	s.once.Do(func() {
		err = s.Stream.Close()
		_ = s.Reset()
		s.tunnel.conn.RemoveStreams(s.Stream, s.complaints)
	})
	return err
}

// The addresses and deadlines of net.Conn have no counterpart in a stream; requests carry a context.

// LocalAddr is a placeholder, as a stream has no address.
func (s *stream) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr is a placeholder, as a stream has no address.
func (s *stream) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// SetDeadline does nothing: closing the stream is what ends a request.
func (s *stream) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (s *stream) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (s *stream) SetWriteDeadline(time.Time) error { return nil }

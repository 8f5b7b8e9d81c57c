// Package counter stands in front of the API server and counts what comes by: a
// release is to be cheap for it, and what it costs is seen nowhere else.
package counter

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
)

// Counter is one that runs.
type Counter struct {
	// Kubeconfig leads through it.
	Kubeconfig []byte

	server *http.Server

	mu       sync.Mutex
	requests map[string]int // by method and path
	watches  map[string]int // by path
	writes   []arrival
	asked    []arrival // of pods, by the API server's proxy
}

// arrival is one request.
type arrival struct {
	at     time.Time
	target string // resource/name
}

// Start begins to count in front of the cluster of a kubeconfig.
func Start(ctx context.Context, file string) (*Counter, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	server, transport, err := credentials(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &Counter{Kubeconfig: fmt.Appendf(nil, `{"apiVersion": "v1", "kind": "Config", "current-context": "c",
		"clusters": [{"name": "c", "cluster": {"server": "http://%s"}}], "users": [{"name": "c", "user": {}}],
		"contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}]}`, listener.Addr())}
	c.Reset()
	proxy := httputil.NewSingleHostReverseProxy(server)
	proxy.Transport, proxy.FlushInterval = transport, -1 // watches are streams
	c.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.note(r)
		proxy.ServeHTTP(w, r)
	})}
	go func() { _ = c.server.Serve(listener) }() // ends by Close
	return c, nil
}

// credentials reads what the sandbox's kubeconfig has: one server, and a certificate.
func credentials(kubeconfig []byte) (*url.URL, *http.Transport, error) {
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server string `yaml:"server"`
				CA     string `yaml:"certificate-authority-data"`
			} `yaml:"cluster"`
		} `yaml:"clusters"`
		Users []struct {
			User struct {
				Certificate string `yaml:"client-certificate-data"`
				Key         string `yaml:"client-key-data"`
			} `yaml:"user"`
		} `yaml:"users"`
	}
	if err := yaml.Unmarshal(kubeconfig, &config); err != nil {
		return nil, nil, err
	}
	if len(config.Clusters) == 0 || len(config.Users) == 0 {
		return nil, nil, fmt.Errorf("it has no cluster or no user")
	}
	decode := func(s string) []byte {
		data, _ := base64.StdEncoding.DecodeString(s) // what is missing, X509KeyPair says
		return data
	}
	user, cluster := config.Users[0].User, config.Clusters[0].Cluster
	pair, err := tls.X509KeyPair(decode(user.Certificate), decode(user.Key))
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(decode(cluster.CA))
	server, err := url.Parse(cluster.Server)
	return server, &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 100,
	}, err
}

func (c *Counter) note(r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	query := r.URL.Query()
	if query.Get("watch") != "" {
		c.watches[r.URL.Path]++
		return
	}
	what, dry := r.Method+" "+r.URL.Path, query.Get("dryRun") != ""
	if dry {
		what += " (dry run)"
	}
	c.requests[what]++
	if _, target, proxied := strings.Cut(r.URL.Path, "/pods/"); proxied && strings.Contains(target, "/proxy/") {
		c.asked = append(c.asked, arrival{at: time.Now(), target: target})
	}
	if r.Method != http.MethodGet && !dry {
		parts := strings.Split(r.URL.Path, "/")
		c.writes = append(c.writes, arrival{at: time.Now(), target: strings.Join(parts[max(0, len(parts)-2):], "/")})
	}
}

// Reset begins anew.
func (c *Counter) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests, c.watches, c.writes, c.asked = map[string]int{}, map[string]int{}, nil, nil
}

// After is the first write after a time to a target that begins so.
func (c *Counter) After(t time.Time, target string) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.writes {
		if w.at.After(t) && strings.HasPrefix(w.target, target) {
			return w.at, true
		}
	}
	return time.Time{}, false
}

// First is the first write to a target.
func (c *Counter) First(target string) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.writes {
		if w.target == target {
			return w.at, true
		}
	}
	return time.Time{}, false
}

// Asked is when a pod whose name begins so was asked something for the nth time,
// counted from 1.
func (c *Counter) Asked(pod string, n int) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.asked {
		if strings.HasPrefix(a.target, pod) {
			if n--; n == 0 {
				return a.at, true
			}
		}
	}
	return time.Time{}, false
}

// Requests is how many there were, watches left out.
func (c *Counter) Requests() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, times := range c.requests {
		n += times
	}
	return n
}

// Watches is how many were begun of each path.
func (c *Counter) Watches() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.watches)
}

// String lists all requests, and how often each came, a line each.
func (c *Counter) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out strings.Builder
	for _, what := range slices.Sorted(maps.Keys(c.requests)) {
		fmt.Fprintf(&out, "%4d %s\n", c.requests[what], what)
	}
	for _, path := range slices.Sorted(maps.Keys(c.watches)) {
		fmt.Fprintf(&out, "%4d WATCH %s\n", c.watches[path], path)
	}
	return out.String()
}

// Close ends it.
func (c *Counter) Close() { _ = c.server.Close() }

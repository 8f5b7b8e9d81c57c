package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
)

// counter stands in front of the API server and counts what comes by.
type counter struct {
	kubeconfig []byte // that leads through it
	server     *http.Server

	mu       sync.Mutex
	requests int
	watches  int
	writes   []write
}

// write is a request that changed something.
type write struct {
	at     time.Time
	target string // resource/name
}

// count starts a counter in front of the cluster of a kubeconfig.
func count(ctx context.Context, file string) (*counter, error) {
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
	c := &counter{kubeconfig: fmt.Appendf(nil, `{"apiVersion": "v1", "kind": "Config", "current-context": "c",
		"clusters": [{"name": "c", "cluster": {"server": "http://%s"}}], "users": [{"name": "c", "user": {}}],
		"contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}]}`, listener.Addr())}
	proxy := httputil.NewSingleHostReverseProxy(server)
	proxy.Transport, proxy.FlushInterval = transport, -1 // watches are streams
	c.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.note(r)
		proxy.ServeHTTP(w, r)
	})}
	go func() { _ = c.server.Serve(listener) }() // ends by close
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

func (c *counter) note(r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	query := r.URL.Query()
	if query.Get("watch") != "" {
		c.watches++
		return
	}
	c.requests++
	if r.Method != http.MethodGet && query.Get("dryRun") == "" {
		parts := strings.Split(r.URL.Path, "/")
		c.writes = append(c.writes, write{at: time.Now(), target: strings.Join(parts[max(0, len(parts)-2):], "/")})
	}
}

// reset begins anew.
func (c *counter) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests, c.watches, c.writes = 0, 0, nil
}

// after is the first write after a time to a target that begins so.
func (c *counter) after(t time.Time, target string) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.writes {
		if w.at.After(t) && strings.HasPrefix(w.target, target) {
			return w.at, true
		}
	}
	return time.Time{}, false
}

// first is the first write to a target.
func (c *counter) first(target string) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.writes {
		if w.target == target {
			return w.at, true
		}
	}
	return time.Time{}, false
}

func (c *counter) totals() (requests, watches int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests, c.watches
}

func (c *counter) close() { _ = c.server.Close() }

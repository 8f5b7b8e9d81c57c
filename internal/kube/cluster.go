// Package kube is typed access to a Kubernetes cluster: apply, read, follow,
// logs, events and requests through the API server. It is the only package
// that imports client-go's clients, and it decides nothing about releases.
package kube

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

// Manager is the field manager of everything Slipway writes.
const Manager = "slipway"

// Object is any Kubernetes object.
type Object = unstructured.Unstructured

// Cluster is one reachable cluster. It is safe for concurrent use and shares
// its connections between all requests.
type Cluster struct {
	// Server is the address of the API server.
	Server string
	// Patience is how long requests are repeated while the API server is away. Default: not at all.
	Patience time.Duration

	maker   string // the field manager of what this process makes
	config  *rest.Config
	http    *http.Client
	dynamic dynamic.Interface
	headers metadata.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
}

// UnreachableError says that nothing usable answered at the API server's address.
type UnreachableError struct {
	Server string
	Err    error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("reach cluster %s: %v", e.Server, e.Err)
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *UnreachableError) Hint() string {
	if strings.Contains(e.Err.Error(), "certificate") {
		return "the certificate is not the one the kubeconfig expects: check its certificate-authority-data and address"
	}
	if strings.Contains(e.Err.Error(), "getting credentials") {
		return "the login program that the kubeconfig names gave no token; what it said is above, and a job takes `id-token: write` to get one"
	}
	return "check the address in the kubeconfig, and that the API server runs and can be reached from here"
}

// UnauthorizedError says that the API server does not know who we are.
type UnauthorizedError struct{ Server string }

func (e *UnauthorizedError) Error() string {
	return fmt.Sprintf("log in to cluster %s: the API server refused the credentials of the kubeconfig", e.Server)
}

// Hint says what to do about it.
func (e *UnauthorizedError) Hint() string {
	return "renew the token or certificate in the kubeconfig; they expire"
}

// NotFound reports whether err says that an object does not exist.
func NotFound(err error) bool { return apierrors.IsNotFound(err) }

// quiet silences client-go, which otherwise writes to standard error by itself.
var quiet = sync.OnceFunc(func() { klog.SetLogger(logr.Discard()) })

// Connect reads a kubeconfig, takes the named context (or its current one, if
// empty) and asks the API server who it is.
func Connect(ctx context.Context, kubeconfig []byte, contextName string) (*Cluster, error) {
	quiet()
	raw, err := clientcmd.Load(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	if len(raw.Contexts) == 0 {
		return nil, errors.New("read kubeconfig: it has no context")
	}
	if contextName != "" && raw.Contexts[contextName] == nil {
		names := make([]string, 0, len(raw.Contexts))
		for name := range raw.Contexts {
			names = append(names, name)
		}
		sort.Strings(names)
		return nil, fmt.Errorf("read kubeconfig: it has no context %q, only %s", contextName, strings.Join(names, ", "))
	}
	config, err := clientcmd.NewNonInteractiveClientConfig(*raw, contextName, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	cluster, err := open(config)
	if err != nil {
		return nil, err
	}
	return cluster, cluster.ping(ctx)
}

func open(config *rest.Config) (*Cluster, error) {
	// client-go's own limit of 5 requests a second would be what a rollout waits for.
	config.QPS = -1
	config.WarningHandler = rest.NoWarnings{}
	config.UserAgent = Manager
	if config.Dial == nil {
		config.Dial = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", shown(config.Host), err)
	}
	// An answer is judged as it is: a health path that redirects to a login page is not healthy.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	dyn, err := dynamic.NewForConfigAndClient(config, client)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", shown(config.Host), err)
	}
	disco, err := discovery.NewDiscoveryClientForConfigAndClient(config, client)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", shown(config.Host), err)
	}
	headers, err := metadata.NewForConfigAndClient(config, client)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", shown(config.Host), err)
	}
	return &Cluster{
		Server:  shown(config.Host),
		maker:   maker + strings.ToLower(rand.Text()[:8]),
		config:  config,
		http:    client,
		dynamic: dyn,
		headers: headers,
		mapper:  restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco)),
	}, nil
}

// shown is an address without its password.
func shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the cluster" // the kubeconfig's address is none
	}
	return u.Redacted()
}

func (c *Cluster) ping(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, 15*time.Second)
	defer stop()
	// Not /version: that one is open to anonymous requests, so a dead token would pass.
	answer, err := c.Get(ctx, "/api?timeout=10s")
	var status *StatusError
	switch {
	case err == nil && answer.Status == http.StatusOK:
		return nil
	case err == nil && answer.Status == http.StatusUnauthorized:
		return &UnauthorizedError{Server: c.Server}
	case err == nil && answer.Status == http.StatusForbidden && strings.Contains(string(answer.Body), "system:anonymous"):
		return &UnauthorizedError{Server: c.Server}
	case err == nil && answer.Status == http.StatusForbidden:
		return nil
	case err == nil:
		status = &StatusError{Status: answer.Status}
		return &UnreachableError{Server: c.Server, Err: status}
	case errors.Is(ctx.Err(), context.Canceled):
		return context.Cause(ctx)
	}
	return &UnreachableError{Server: c.Server, Err: plain(err)}
}

// plain strips what net/http puts before the cause, since the address is named already.
func plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// explain turns transport trouble into the errors of this package.
func (c *Cluster) explain(err error) error {
	var wrapped *url.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case apierrors.IsUnauthorized(err):
		return &UnauthorizedError{Server: c.Server}
	case errors.As(err, &wrapped):
		return &UnreachableError{Server: c.Server, Err: wrapped.Err}
	}
	return err
}

// ClusterWide reports whether objects of that kind live outside of namespaces. Of a
// kind that the cluster does not know yet, nobody can say.
func (c *Cluster) ClusterWide(obj *Object) bool {
	_, namespaced, err := c.resource(obj)
	return err == nil && !namespaced
}

// resource finds the client for an object's kind, and whether it lives in a
// namespace. An unknown kind is looked up once more, since a definition
// applied a moment ago is not in the cached list.
func (c *Cluster) resource(obj *Object) (dynamic.ResourceInterface, bool, error) {
	kind := obj.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		c.mapper.Reset()
		mapping, err = c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	}
	if meta.IsNoMatchError(err) {
		return nil, false, fmt.Errorf("the cluster has no kind %s in %s", kind.Kind, kind.GroupVersion())
	}
	if err != nil {
		return nil, false, c.explain(err)
	}
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return c.dynamic.Resource(mapping.Resource), false, nil
	}
	if obj.GetNamespace() == "" {
		return nil, true, errors.New("it has no namespace")
	}
	return c.dynamic.Resource(mapping.Resource).Namespace(obj.GetNamespace()), true, nil
}

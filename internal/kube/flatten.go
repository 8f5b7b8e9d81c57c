package kube

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// FlattenOptions change the address, for use where the cluster has another name.
type FlattenOptions struct {
	// Context of the kubeconfig. Default: its current one.
	Context string
	// Server is the address to use instead, such as https://cluster:6443. The
	// certificate is then still checked against the name it was made for.
	Server string
}

// Flatten reads a kubeconfig file and returns one that works anywhere: only one
// context, files embedded, and the token a login program prints instead of
// the program. It also returns the address of the API server in the file.
func Flatten(path string, o FlattenOptions) (kubeconfig []byte, server string, err error) {
	raw, err := clientcmd.LoadFromFile(path)
	if err != nil {
		return nil, "", fmt.Errorf("read kubeconfig: %w", err)
	}
	if o.Context != "" {
		if raw.Contexts[o.Context] == nil {
			return nil, "", fmt.Errorf("read kubeconfig %s: it has no context %q", path, o.Context)
		}
		raw.CurrentContext = o.Context
	}
	if err := api.MinifyConfig(raw); err != nil {
		return nil, "", fmt.Errorf("read kubeconfig %s: %w", path, err)
	}
	if err := clientcmd.ResolveLocalPaths(raw); err != nil {
		return nil, "", fmt.Errorf("read kubeconfig %s: %w", path, err)
	}
	if err := logIn(raw); err != nil {
		return nil, "", fmt.Errorf("read kubeconfig %s: %w", path, err)
	}
	if err := api.FlattenConfig(raw); err != nil {
		return nil, "", fmt.Errorf("read kubeconfig %s: %w", path, err)
	}
	cluster := raw.Clusters[raw.Contexts[raw.CurrentContext].Cluster]
	server = cluster.Server
	if o.Server != "" {
		if err := rename(cluster, o.Server); err != nil {
			return nil, "", fmt.Errorf("read kubeconfig %s: %w", path, err)
		}
	}
	out, err := clientcmd.Write(*raw)
	return out, server, err
}

// rename changes the address, and keeps the name that the certificate has.
func rename(cluster *api.Cluster, server string) error {
	old, err := url.Parse(cluster.Server)
	if err != nil || old.Hostname() == "" {
		return errors.New("the server's address is not a URL")
	}
	if cluster.TLSServerName == "" && old.Scheme == "https" {
		cluster.TLSServerName = old.Hostname()
	}
	if cluster.ProxyURL != "" {
		return errors.New("its cluster is behind a proxy, which cannot be combined with another address")
	}
	cluster.Server = server
	return nil
}

// logIn replaces whatever obtains a token on this machine by the token itself.
func logIn(raw *api.Config) error {
	user := raw.AuthInfos[raw.Contexts[raw.CurrentContext].AuthInfo]
	if user == nil {
		return nil
	}
	if user.AuthProvider != nil {
		return fmt.Errorf("it logs in through the provider %s, which Kubernetes removed; use a login program (exec) or a token", user.AuthProvider.Name)
	}
	if user.Exec == nil && user.TokenFile == "" {
		return nil
	}
	config, err := clientcmd.NewDefaultClientConfig(*raw, &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return err
	}
	header, err := authorization(config)
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	token, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		return errors.New("its login program gives a certificate and no token, which cannot be taken along; put the certificate into the kubeconfig")
	}
	user.Token, user.TokenFile, user.Exec = token, "", nil
	return nil
}

// authorization is the header that a request would carry; none is sent.
func authorization(config *rest.Config) (string, error) {
	catch := &catcher{}
	// Innermost, so that what logs in has done its part when the request gets here.
	config.WrapTransport = func(http.RoundTripper) http.RoundTripper { return catch }
	transport, err := rest.TransportFor(config)
	if err != nil {
		return "", err
	}
	//nolint:noctx // nothing is sent: the transport is asked for a header
	request, err := http.NewRequest(http.MethodGet, config.Host, nil)
	if err != nil {
		return "", errors.New("the server's address is not a URL")
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	return catch.header, response.Body.Close()
}

type catcher struct{ header string }

func (c *catcher) RoundTrip(r *http.Request) (*http.Response, error) {
	c.header = r.Header.Get("Authorization")
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}, Request: r}, nil
}

package sandbox

import (
	"context"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// dockerAnswers tells whether a Docker daemon runs; Dagger then provisions its
// own engine in it.
func dockerAnswers(ctx context.Context) bool {
	socket := "/var/run/docker.sock"
	if host, ok := strings.CutPrefix(os.Getenv("DOCKER_HOST"), "unix://"); ok {
		socket = host
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	_, err := ask(ctx, client, "http://docker/_ping")
	return err == nil
}

package sandbox

import (
	"context"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// docker is no process of the box, but Dagger's engine runs in it.
func docker() part {
	return part{name: "docker", ready: askDocker, facts: "brings the Dagger engine"}
}

// dockerAnswers tells whether a Docker daemon runs; Dagger then provisions its
// own engine in it.
func dockerAnswers(ctx context.Context) bool { return askDocker(ctx) == nil }

func askDocker(ctx context.Context) error {
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
	return err
}

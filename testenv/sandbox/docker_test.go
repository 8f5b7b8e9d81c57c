package sandbox

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestDockerAnswers(t *testing.T) {
	dir, err := os.MkdirTemp("", "docker") //nolint:usetesting // short: a socket's path has its limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "sock")
	t.Setenv("DOCKER_HOST", "unix://"+socket)
	if dockerAnswers(t.Context()) {
		t.Error("nobody listens, and Docker is said to answer")
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	status := http.StatusOK
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/_ping" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(status)
	}))
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	if !dockerAnswers(t.Context()) {
		t.Error("Docker answers, and is not found")
	}
	status = http.StatusInternalServerError
	if dockerAnswers(t.Context()) {
		t.Error("a daemon that fails is said to answer")
	}
}

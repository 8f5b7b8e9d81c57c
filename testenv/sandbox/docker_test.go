package sandbox

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// dockerSocket is where a Docker daemon of the test's own would listen.
func dockerSocket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "docker") //nolint:usetesting // short: a socket's path has its limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "sock")
	t.Setenv("DOCKER_HOST", "unix://"+socket)
	return socket
}

func TestDockerAnswers(t *testing.T) {
	socket := dockerSocket(t)
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

// A box without an engine is up while Docker answers; when an engine was built
// in Docker's place, the box is not the one that it would be.
func TestDockerThatGoesAway(t *testing.T) {
	dockerSocket(t)
	bins := Binaries(t.TempDir())
	was := record(bins)
	parts := asked(bins)
	last := parts[len(parts)-1]
	if last.name != "docker" || last.ready(t.Context()) == nil {
		t.Errorf("%s is asked last, and answers", last.name)
	}
	if err := os.WriteFile(bins.path("dagger-engine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	parts = asked(bins)
	if last := parts[len(parts)-1]; last.name != "dagger-engine" {
		t.Errorf("%s is asked last", last.name)
	}
	if now := record(bins); now == was || now.bins() != bins || was.bins() != bins {
		t.Errorf("the box was made of %q, and is to be of %q", was, now)
	}
}

package main

import (
	"net"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/testenv/sandbox"
	"github.com/teei/slipway/testenv/testenv"
)

// mirror is one of a test's own, which the engine finds on its localhost: a door
// to the sandbox's.
type mirror struct{ address string }

// open serves until the mirror is closed; after the first time at the same address.
func (m *mirror) open(t *testing.T) (down func()) {
	t.Helper()
	if m.address == "" {
		m.address = "127.0.0.1:0"
	}
	listener, err := sandbox.Listen(t.Context(), m.address)
	if err != nil {
		t.Fatal(err)
	}
	m.address = listener.Addr().(*net.TCPAddr).String()
	server := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: sandbox.Registry}))
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return server.Close
}

// A mirror that goes away is one failure that names it, and what has to be up;
// back again, it serves who asks.
func TestMirrorThatGoesAway(t *testing.T) {
	t.Parallel()
	testenv.Env(t)
	var m mirror
	down := m.open(t)
	c, runs := tiny(t), 0
	replace(t, c.root, "slipway.yaml", `image: "postgres:15"`, `image: "`+m.address+`/library/postgres:15"`)
	check := func(want int) {
		t.Helper()
		runs++
		write(t, c.root, "changed", strconv.Itoa(runs)) // what passed before does not run again
		code, output, r := launch(t, nil, "test", "--root", c.root).ends(3 * time.Minute)
		if code != want {
			t.Fatalf("exit code %d, want %d\n%s", code, want, output)
		}
		if want == exitFine {
			return
		}
		failures := r.Failures()
		if len(failures) != 1 || !strings.Contains(failures[0].Error, m.address+"/library/postgres:15: dial tcp ") || strings.Contains(failures[0].Error, "\n") || !strings.Contains(failures[0].Hint, "mirror is up") {
			t.Errorf("%+v\n%s", failures, output)
		}
	}
	check(exitFine)
	down()
	check(exitInfrastructure)
	m.open(t)
	check(exitFine)
}

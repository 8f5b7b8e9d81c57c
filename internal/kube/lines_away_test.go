package kube

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// A log is waited for as anything else is while the API server is away.
func TestUnitEachLineWaits(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 4 {
			connection, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			connection.Close()
			return
		}
		_, _ = w.Write([]byte("one\ntwo"))
	}))
	defer server.Close()
	cluster, err := open(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	read := func() error {
		return cluster.EachLine(t.Context(), "shop", "web", LogOptions{}, func(line []byte, _ bool) { lines = append(lines, string(line)) })
	}
	if err := read(); err == nil {
		t.Fatal("no error without patience")
	}
	cluster.Patience = 10 * time.Second
	if err := read(); err != nil || strings.Join(lines, " ") != "one two" {
		t.Errorf("%v, %q", err, lines)
	}
}

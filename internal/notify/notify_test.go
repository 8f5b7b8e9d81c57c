package notify

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/teei/slipway/internal/platform"
)

// receiver keeps what it was sent; it answers with one status after another, the last one for ever.
type receiver struct {
	*httptest.Server
	asked  atomic.Int32
	body   []byte
	header http.Header
	path   string
}

func newReceiver(t *testing.T, statuses ...int) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		n := int(r.asked.Add(1))
		r.body, _ = io.ReadAll(q.Body)
		r.header, r.path = q.Header, q.URL.Path
		if status := statuses[min(n, len(statuses))-1]; status/100 == 3 {
			http.Redirect(w, q, "http://192.0.2.1/elsewhere", status)
		} else {
			w.WriteHeader(status)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

var message = Message{Event: platform.Released, Environment: "production", Release: "production #42", Verdict: "11 services run <what> was released & stay", By: "alice", Link: "https://github.com/x"}

func TestWebhookIsSigned(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, 503, 204)
	n := platform.Notification{Name: "ops", Kind: platform.Webhook, URL: "HOOK", Secret: "KEY"}
	receipt, err := Send(t.Context(), n, message, func(name string) string { return map[string]string{"HOOK": r.URL + "/secret-path", "KEY": "k"}[name] })
	if err != nil || receipt.Status != "204 No Content" || receipt.To != "ops" || r.asked.Load() != 2 {
		t.Fatalf("%+v, %v", receipt, err)
	}
	if got := r.header.Get(SignatureHeader); got != "sha256="+Sign(r.body, "k") || got == "sha256="+Sign(r.body, "other") {
		t.Errorf("signed %s", got)
	}
	var m Message
	if err := json.Unmarshal(r.body, &m); err != nil || m.Release != message.Release || m.Delivery == "" || m.Delivery != r.header.Get(DeliveryHeader) || m.At.IsZero() {
		t.Errorf("%s, %v", r.body, err)
	}
}

func TestSlack(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, 200)
	n := platform.Notification{Name: "all", Kind: platform.Slack, URL: "HOOK"}
	if _, err := Send(t.Context(), n, message, func(string) string { return r.URL }); err != nil {
		t.Fatal(err)
	}
	const want = `{"text":"production #42 released: 11 services run \u0026lt;what\u0026gt; was released \u0026amp; stay (by alice) https://github.com/x"}`
	if string(r.body) != want {
		t.Errorf("%s", r.body)
	}
	n.Text = "{{.Event}} of {{.Environment}}"
	if _, err := Send(t.Context(), n, message, func(string) string { return r.URL }); err != nil || string(r.body) != `{"text":"released of production"}` {
		t.Errorf("%s, %v", r.body, err)
	}
}

// What did not arrive is an error, which never shows the address: it is the key of a Slack channel.
func TestNotArrived(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		statuses []int
		address  string
		says     string
	}{
		"gone":       {[]int{410}, "", "notify ops: it answered 410 Gone"},
		"broken":     {[]int{500}, "", "notify ops: it answered 500"},
		"redirected": {[]int{307}, "", "notify ops: it answered 307"},
		"nobody":     {[]int{200}, "http://127.0.0.1:1/secret-path", "connection refused"},
		"no address": {[]int{200}, "secret-path", "HOOK holds no address"},
		"a file":     {[]int{200}, "file:///secret-path", "HOOK holds no address"},
		"not set":    {[]int{200}, " ", "HOOK holds no address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, tt.statuses...)
			address := r.URL + "/secret-path"
			if tt.address != "" {
				address = strings.TrimSpace(tt.address)
			}
			n := platform.Notification{Name: "ops", Kind: platform.Slack, URL: "HOOK"}
			_, err := Send(t.Context(), n, message, func(string) string { return address })
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "secret-path") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestGrafana(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, 200)
	n := platform.Notification{Name: "graphs", Kind: platform.Grafana, URL: "URL", Secret: "TOKEN"}
	m := message
	begun := time.Now().Add(-time.Minute).Truncate(time.Second)
	m.Started = &begun
	values := map[string]string{"URL": r.URL + "/grafana/", "TOKEN": "glsa_x"}
	if _, err := Send(t.Context(), n, m, func(name string) string { return values[name] }); err != nil {
		t.Fatal(err)
	}
	var a annotation
	if err := json.Unmarshal(r.body, &a); err != nil || a.Time != begun.UnixMilli() || a.TimeEnd-a.Time < 59000 || a.TimeEnd-a.Time > 120000 ||
		strings.Join(a.Tags, " ") != "slipway production released" || strings.Contains(a.Text, "<what>") {
		t.Errorf("%s, %v", r.body, err)
	}
	if r.path != "/grafana/api/annotations" || r.header.Get("Authorization") != "Bearer glsa_x" || r.header.Get(SignatureHeader) != "" {
		t.Errorf("%s %v", r.path, r.header)
	}
	delete(values, "TOKEN")
	if _, err := Send(t.Context(), n, m, func(name string) string { return values[name] }); err == nil {
		t.Error("sent without a token")
	}
}

package probe

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
)

func TestHealth(t *testing.T) {
	refused := errors.New("connection refused")
	proxy := &kube.Answer{Status: 500, Body: []byte(`{"kind":"Status","apiVersion":"v1","message":"dial tcp: refused"}`)}
	answer := func(status int) *kube.Answer { return &kube.Answer{Status: status, Body: []byte("body")} }
	tests := []struct {
		name    string
		answers []any // an *Answer or an error each; the last one repeats
		asked   int
		err     string
	}{
		{name: "at once", answers: []any{answer(204)}, asked: 1},
		{name: "not ready yet", answers: []any{refused, answer(503), proxy, answer(200)}, asked: 4},
		{name: "one bad answer", answers: []any{answer(500), answer(200)}, asked: 2},
		{name: "three bad answers", answers: []any{answer(500)}, asked: 3, err: "500 Internal Server Error: body"},
		{name: "redirect", answers: []any{answer(302)}, asked: 3, err: "302 Found"},
		{name: "bad ones must be in a row", answers: []any{answer(500), answer(500), answer(503), answer(500), answer(200)}, asked: 5},
		{name: "never", answers: []any{refused}, err: "until the deadline: connection refused"},
		{name: "always 503", answers: []any{answer(503)}, err: "until the deadline: 503 Service Unavailable: body"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asked, until := 0, time.Minute // nobody waits for it but who asks until then
			if strings.HasPrefix(tt.err, "until") {
				until = 500 * time.Millisecond
			}
			took, err := Health(t.Context(), HealthOptions{Deadline: time.Now().Add(until), Ask: func(context.Context) (*kube.Answer, error) {
				next := tt.answers[min(asked, len(tt.answers)-1)]
				asked++
				time.Sleep(2 * time.Millisecond) // a service needs some time to answer
				if err, ok := next.(error); ok {
					return nil, err
				}
				return next.(*kube.Answer), nil
			}})
			if (took >= 2*time.Millisecond) != (tt.err == "") {
				t.Errorf("the answer took %s", took)
			}
			if tt.asked != 0 && asked != tt.asked {
				t.Errorf("asked %d times, want %d", asked, tt.asked)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("err = %v, want %q", err, tt.err)
			}
		})
	}
}

// TestHealthForbidden: a right that is missing is named at once and not at the
// deadline, and an API server that refuses for a moment fails nothing.
func TestHealthForbidden(t *testing.T) {
	t.Parallel()
	const right = `User "slipway" cannot get resource "pods/proxy" in the namespace "teei"`
	refusal := &kube.Answer{Status: 403, Body: []byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","message":` + strconv.Quote("pods \"web:80\" is forbidden: "+right) + `,"reason":"Forbidden","code":403}`)}
	for _, tt := range []struct {
		refusals int
		err      string
	}{{1000, "pods \"web:80\" is forbidden: " + right}, {forbidden - 1, ""}} {
		asked, began := 0, time.Now()
		_, err := Health(t.Context(), HealthOptions{Deadline: began.Add(time.Minute), Ask: func(context.Context) (*kube.Answer, error) {
			if asked++; asked > tt.refusals {
				return &kube.Answer{Status: 200}, nil
			}
			return refusal, nil
		}})
		if (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err || time.Since(began) > 30*time.Second {
			t.Errorf("%d refusals, %s: %v", tt.refusals, time.Since(began), err)
		}
	}
	if why := Forbidden(&kube.Answer{Status: 403, Body: []byte("no entry")}); why != "" {
		t.Errorf("a service's own 403 is %q", why)
	}
}

func TestHealthStopsWhenUseless(t *testing.T) {
	gone := errors.New("the pod is gone")
	_, err := Health(t.Context(), HealthOptions{
		Deadline: time.Now().Add(time.Minute),
		Ask:      func(context.Context) (*kube.Answer, error) { return nil, errors.New("refused") },
		Still:    func() error { return gone },
	})
	if !errors.Is(err, gone) {
		t.Errorf("err = %v", err)
	}
}

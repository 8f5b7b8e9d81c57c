package probe

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/teei/slipway/internal/platform"
)

// What is late is so on any machine; what is not late must be quick on a busy one.
const (
	lateFor  = 20 * time.Millisecond
	moodyFor = 2 * time.Second
)

// shop is a service with users, tokens and something that takes a moment.
func shop(t *testing.T) string {
	var asked atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("POST /users", func(w http.ResponseWriter, r *http.Request) {
		var user map[string]any
		if err := json.NewDecoder(r.Body).Decode(&user); err != nil {
			w.WriteHeader(400)
			return
		}
		w.WriteHeader(201)
		fmt.Fprintf(w, `{"user":{"id":9007199254740993,"name":%q,"tags":["a","b"]},"token":"a/b c"}`, user["name"])
	})
	mux.HandleFunc("GET /users/9007199254740993", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer a/b c" {
			w.WriteHeader(401)
			return
		}
		fmt.Fprintf(w, `{"ok":true,"seen":%d}`, asked.Add(1))
	})
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		var body any
		_ = json.NewDecoder(r.Body).Decode(&body)
		_ = json.NewEncoder(w).Encode(body)
	})
	mux.HandleFunc("GET /t/{token}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"token":%q}`, r.PathValue("token"))
	})
	mux.HandleFunc("GET /away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/echo", http.StatusFound) })
	// The third answer is late, and the fourth is wrong.
	var moody atomic.Int32
	mux.HandleFunc("GET /moody", func(w http.ResponseWriter, _ *http.Request) {
		switch moody.Add(1) {
		case 3:
			time.Sleep(moodyFor)
		case 4:
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("GET /late", func(http.ResponseWriter, *http.Request) { time.Sleep(lateFor) })
	mux.HandleFunc("GET /words", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello\x1b[31m") })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func signUp() platform.FlowStep {
	return platform.FlowStep{
		Path: "/users", Body: map[string]any{"name": "u-${run}"}, Status: 201,
		Expect:  map[string]any{"user.name": "u-${run}", "user.tags.1": "b", "user.tags.length": 2},
		Capture: map[string]string{"id": "user.id", "token": "token"},
	}
}

func TestFlow(t *testing.T) {
	look := platform.FlowStep{Path: "/users/${id}", Headers: map[string]string{"Authorization": "Bearer ${token}"}}
	within := func(s platform.FlowStep, d time.Duration, seen int) platform.FlowStep {
		s.Within, s.Expect = platform.Duration{Duration: d}, map[string]any{"seen": seen}
		return s
	}
	tests := []struct {
		name  string
		steps []platform.FlowStep
		err   string
	}{
		{name: "captured values and headers", steps: []platform.FlowStep{signUp(), look}},
		{name: "no token", steps: []platform.FlowStep{signUp(), {Path: "/users/${id}"}}, err: "GET /users/${id}: it answered 401 instead of 200"},
		{name: "becomes true", steps: []platform.FlowStep{signUp(), within(look, time.Minute, 3)}},
		{name: "does not become true", steps: []platform.FlowStep{signUp(), within(look, 0, 3)}, err: "seen is 1 instead of 3"},
		{name: "a number stays one", steps: []platform.FlowStep{signUp(), {Path: "/echo", Body: map[string]any{"a": []any{"${id}"}, "b": "x${id}"}, Expect: map[string]any{"b": "x9007199254740993", "a": []any{9007199254740992}}}}},
		{name: "path is escaped", steps: []platform.FlowStep{signUp(), {Path: "/words?q=${token}"}}},
		{name: "nothing captured", steps: []platform.FlowStep{{Path: "/users/${id}"}}, err: "no earlier step captured ${id}"},
		{name: "absent", steps: []platform.FlowStep{{Path: "/users", Body: map[string]any{"name": "x"}, Status: 201, Expect: map[string]any{"user.mail": 1}}}, err: "the answer has no user.mail"},
		{name: "not JSON", steps: []platform.FlowStep{{Path: "/words", Expect: map[string]any{"a": 1}}}, err: "the answer is not JSON: hello [31m"},
		{name: "redirect is an answer", steps: []platform.FlowStep{{Path: "/away"}}, err: "it answered 302 instead of 200"},
		{name: "one of three is late", steps: []platform.FlowStep{{Path: "/moody", Times: 3, AtMost: platform.Duration{Duration: moodyFor / 2}}}},
		{name: "one of four is wrong", steps: []platform.FlowStep{{Path: "/moody", Times: 4}}, err: "it answered 500 instead of 200"},
		{name: "all are late", steps: []platform.FlowStep{{Path: "/late", Times: 3, AtMost: platform.Duration{Duration: lateFor / 2}}}, err: ", and may take 10ms"},
		{name: "named step", steps: []platform.FlowStep{{Name: "sign in", Path: "/nowhere"}}, err: "flow f, sign in: it answered 404"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			result, err := Flow(t.Context(), http.DefaultTransport, shop(t), platform.Flow{Name: "f", Steps: tt.steps})
			if tt.err == "" {
				if err != nil || !result.Passed {
					t.Fatalf("%v, %+v", err, result)
				}
				return
			}
			var failed *FlowError
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), tt.err) || result.Passed {
				t.Errorf("err = %v, want %q in it", err, tt.err)
			}
		})
	}
}

func TestLookup(t *testing.T) {
	value, err := decode([]byte(`{"a":{"b.c":[{"d":null}]},"n":1.50,"":{"x":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{`a.b\.c.0.d`: nil, "n": json.Number("1.50"), ".x": json.Number("1"), `a.b\.c.length`: json.Number("1"), "$.n": json.Number("1.50")} {
		if got, err := Lookup(value, path); err != nil || got != want {
			t.Errorf("Lookup(%q) = %v, %v, want %v", path, got, err, want)
		}
	}
	for _, path := range []string{"a.x", `a.b\.c.1`, `a.b\.c.-1`, "n.x", "zz"} {
		if got, err := Lookup(value, path); err == nil {
			t.Errorf("Lookup(%q) = %v, want an error", path, got)
		}
	}
}

func TestEqual(t *testing.T) {
	for _, tt := range []struct {
		got, want any
		same      bool
	}{
		{json.Number("1"), 1, true}, {json.Number("1.0"), 1, true}, {json.Number("1"), 1.0, true}, {json.Number("1"), "1", false},
		{"a", "a", true}, {true, true, true}, {nil, nil, true}, {nil, false, false},
		{map[string]any{"a": json.Number("2")}, map[string]any{"a": 2}, true},
		{[]any{json.Number("1")}, []any{1, 2}, false},
		{json.Number("9007199254740993"), 9007199254740992, false},
	} {
		if equal(tt.got, tt.want) != tt.same {
			t.Errorf("equal(%v, %v) = %v", tt.got, tt.want, !tt.same)
		}
	}
}

func FuzzLookup(f *testing.F) {
	f.Add(`{"a":[1,{"b":2}]}`, "a.1.b")
	f.Add(`[]`, `\`)
	f.Add(`{"":{}}`, "..")
	f.Fuzz(func(t *testing.T, text, path string) {
		value, err := decode([]byte(text))
		if err != nil {
			return
		}
		if got, err := Lookup(value, path); err == nil && !equal(got, got) {
			t.Fatalf("Lookup(%q, %q) = %v, which does not equal itself", text, path, got)
		}
	})
}

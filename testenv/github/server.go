package github

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// New makes a repository without anything in it.
func New(repository string) *Hub {
	return &Hub{
		Repository: repository, runs: map[int64]*Run{}, environments: map[string]*Environment{},
		teams: map[string]map[string]string{}, bots: map[string]bool{}, protected: map[string]bool{},
		rules: map[string][]Rule{}, classic: map[string]int{},
	}
}

// Server is a Hub on the network.
type Server struct {
	*Hub
	URL    string
	server *http.Server
}

// Listen serves the hub at an address such as 127.0.0.1:0, until closed.
func (h *Hub) Listen(address string) (*Server, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve the stand-in for GitHub: %w", err)
	}
	handler, err := h.Handler()
	if err != nil {
		return nil, err
	}
	s := &Server{Hub: h, URL: "http://" + listener.Addr().String(), server: &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}}
	go func() { _ = s.server.Serve(listener) }() // ends with Close
	return s, nil
}

// Close ends the serving.
func (s *Server) Close() error { return s.server.Close() }

// Handler serves the API, and the page under /.
func (h *Hub) Handler() (http.Handler, error) {
	described, err := newDescribed(authenticated(h.api()), h.fault, h.violate)
	if err != nil {
		return nil, err
	}
	api := h.conditional(described)
	page := h.page()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/repos/") && !strings.HasPrefix(r.URL.Path, "/orgs/") && !strings.HasPrefix(r.URL.Path, "/app/") {
			page.ServeHTTP(w, r)
			return
		}
		h.mu.Lock()
		h.requests = append(h.requests, r.Method+" "+r.URL.EscapedPath())
		h.tokens = append(h.tokens, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		h.mu.Unlock()
		api.ServeHTTP(w, r)
	}), nil
}

func authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			refuse(w, http.StatusUnauthorized, "Requires authentication")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (h *Hub) violate(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.violations = append(h.violations, text)
}

func refuse(w http.ResponseWriter, code int, message string) {
	answer(w, code, object{"message": message, "documentation_url": "https://docs.github.com/rest"})
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}

// paged answers one page of a list, inside of a wrapper or bare.
func paged(w http.ResponseWriter, r *http.Request, list []any, wrap string) {
	page, size := 1, 30
	if n, err := strconv.Atoi(r.URL.Query().Get("page")); err == nil {
		page = n
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("per_page")); err == nil {
		size = n
	}
	from := min(len(list), (page-1)*size)
	to := min(len(list), from+size)
	if to < len(list) {
		query := r.URL.Query()
		query.Set("page", strconv.Itoa(page+1))
		w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?%s>; rel="next"`, r.Host, r.URL.Path, query.Encode()))
	}
	part := append([]any{}, list[from:to]...)
	if wrap == "" {
		answer(w, http.StatusOK, part)
		return
	}
	answer(w, http.StatusOK, object{"total_count": len(list), wrap: part})
}

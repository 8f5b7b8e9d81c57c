package github

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// memory remembers what GitHub answered, for as long as the process lives: asked
// again with its ETag, GitHub says that nothing changed, which does not count
// against the limit of requests. Nothing is believed without asking.
type memory struct {
	next http.RoundTripper

	mu      sync.Mutex
	answers map[string]answered
}

type answered struct {
	tag    string
	header http.Header
	body   []byte
}

// mostAnswers that are remembered; a gate asks some twenty questions.
const mostAnswers = 500

// RoundTrip sends one request.
func (m *memory) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		return m.next.RoundTrip(r)
	}
	key := r.URL.String() + " " + r.Header.Get("Accept")
	m.mu.Lock()
	known, ok := m.answers[key]
	m.mu.Unlock()
	if ok {
		r = r.Clone(r.Context())
		r.Header.Set("If-None-Match", known.tag)
	}
	answer, err := m.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if ok && answer.StatusCode == http.StatusNotModified {
		_ = answer.Body.Close()
		return known.again(answer), nil
	}
	tag := answer.Header.Get("ETag")
	if answer.StatusCode != http.StatusOK || tag == "" {
		return answer, nil
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		return nil, err // it ended in the middle, and says nothing
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.answers) >= mostAnswers {
		clear(m.answers)
	}
	m.answers[key] = answered{tag: tag, header: answer.Header.Clone(), body: body}
	return answer, nil
}

// again is the answer that was remembered, with what is said now about limits.
func (a answered) again(now *http.Response) *http.Response {
	out := *now
	out.StatusCode, out.Status = http.StatusOK, "200 OK"
	out.Header = a.header.Clone()
	for name, values := range now.Header {
		if name != "Content-Length" && name != "Content-Type" {
			out.Header[name] = values
		}
	}
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(a.body)), int64(len(a.body))
	return &out
}

package github

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is what goes wrong with requests whose path has Path in it.
type Fault struct {
	Path       string
	Page       string // of a list; "" is any
	Times      int    // how often; 0 is always
	Status     int
	RetryAfter int           // seconds
	Reset      int           // seconds until the limit of requests, which is used up, begins anew
	Body       string        // instead of the answer
	Delay      time.Duration // before the answer
	Cut        bool          // the connection ends in the middle
}

// fault is what befalls a request, after its delay; nil for nothing.
func (h *Hub) fault(r *http.Request) *Fault {
	h.mu.Lock()
	i := slices.IndexFunc(h.faults, func(f Fault) bool {
		return strings.Contains(r.URL.Path, f.Path) && (f.Page == "" || f.Page == r.URL.Query().Get("page"))
	})
	if i < 0 {
		h.mu.Unlock()
		return nil
	}
	f := h.faults[i]
	if f.Times == 1 {
		h.faults = slices.Delete(h.faults, i, i+1)
	} else if f.Times > 1 {
		h.faults[i].Times--
	}
	h.mu.Unlock()
	select {
	case <-r.Context().Done():
	case <-time.After(f.Delay):
	}
	return &f
}

// spoils reports whether the answer is one that GitHub's description does not have.
func (f *Fault) spoils() bool { return f.Cut || f.Body != "" }

func (f *Fault) spoil(w http.ResponseWriter) {
	if f.Cut {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"id":`))
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(f.Body))
}

func (f *Fault) refuse(w http.ResponseWriter) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	if f.Reset > 0 {
		w.Header().Set("X-RateLimit-Limit", "5000")
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Unix()+int64(f.Reset), 10))
	}
	refuse(w, f.Status, http.StatusText(f.Status))
}

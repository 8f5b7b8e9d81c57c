package github

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
)

// conditional gives answers to GET an ETag, and says 304 to who has it already.
func (h *Hub) conditional(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			next.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		if answer.Code == http.StatusOK {
			sum := sha256.Sum256(answer.Body.Bytes())
			tag := `W/"` + hex.EncodeToString(sum[:]) + `"`
			w.Header().Set("ETag", tag)
			if r.Header.Get("If-None-Match") == tag {
				h.unchanged.Add(1)
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// Unchanged is how many answers were 304.
func (h *Hub) Unchanged() int { return int(h.unchanged.Load()) }

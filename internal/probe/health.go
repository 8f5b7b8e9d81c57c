// Package probe asks whether a platform works: health of services, flows of its
// users, servers it depends on, and the variables it needs.
package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/teei/slipway/internal/kube"
)

// HealthOptions say whom to ask and for how long.
type HealthOptions struct {
	// Ask sends one request.
	Ask func(context.Context) (*kube.Answer, error)
	// Deadline until which no answer, or 503, is tried again.
	Deadline time.Time
	// Still returns an error when asking on is useless. It may be nil.
	Still func() error
}

const (
	// oneTry is how long one request may take; a health path that needs longer is not healthy.
	oneTry = 5 * time.Second
	// bad answers in a row decide. One may be a start-up that is not quite over.
	bad = 3
	// forbidden so often in a row, in more than two seconds, is a right that is
	// missing: an API server that has just come back knows no rights yet.
	forbidden = 8
)

// Health asks until the answer is 2xx. Nothing answering, or 503, is not ready
// yet and tried until the deadline; any other answer is an answer, and three of
// them are final. So is an API server that allows nobody to ask. It returns how
// long the good answer took.
func Health(ctx context.Context, o HealthOptions) (time.Duration, error) {
	pause, wrong, refused := 20*time.Millisecond, 0, 0
	for {
		start := time.Now()
		answer, err := ask(ctx, o.Ask)
		switch {
		case ctx.Err() != nil:
			return 0, context.Cause(ctx)
		case err == nil && answer.Status/100 == 2:
			return time.Since(start), nil
		case err == nil:
			err = errors.New(Describe(answer))
			if why := Forbidden(answer); why == "" {
				refused = 0
			} else if refused++; refused >= forbidden {
				return 0, errors.New(why)
			}
			if answer.Status == http.StatusServiceUnavailable || FromProxy(answer) {
				wrong = 0
			} else if wrong++; wrong >= bad {
				return 0, err
			}
		}
		if o.Still != nil {
			if useless := o.Still(); useless != nil {
				return 0, useless
			}
		}
		if time.Now().Add(pause).After(o.Deadline) {
			return 0, fmt.Errorf("until the deadline: %w", err)
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(pause):
		}
		pause = min(2*pause, time.Second)
	}
}

func ask(ctx context.Context, try func(context.Context) (*kube.Answer, error)) (*kube.Answer, error) {
	ctx, stop := context.WithTimeout(ctx, oneTry)
	defer stop()
	return try(ctx)
}

// FromProxy tells the API server's own words about a pod it could not reach from an answer of the pod.
func FromProxy(answer *kube.Answer) bool {
	body := bytes.TrimSpace(answer.Body)
	return bytes.HasPrefix(body, []byte(`{"kind":"Status","apiVersion":"v1"`)) ||
		answer.Status == http.StatusBadGateway && bytes.Contains(body, []byte("error trying to reach service"))
}

// Forbidden is what the API server says of the right that is missing, with its verb
// and resource, where it is the one who refuses; "" otherwise.
func Forbidden(answer *kube.Answer) string {
	var said struct{ Message string }
	if answer.Status != http.StatusForbidden || !FromProxy(answer) || json.Unmarshal(answer.Body, &said) != nil {
		return ""
	}
	return said.Message
}

// Describe is an answer in a few words: status and the start of the body.
func Describe(answer *kube.Answer) string {
	text := fmt.Sprintf("%d %s", answer.Status, http.StatusText(answer.Status))
	body := bytes.TrimSpace(answer.Body)
	if len(body) == 0 {
		return text
	}
	if len(body) > 200 {
		body = append(bytes.Clone(body[:200]), "…"...)
	}
	return text + ": " + string(body)
}

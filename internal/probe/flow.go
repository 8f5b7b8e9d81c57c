package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/teei/slipway/internal/platform"
)

// FlowResult is the outcome of one flow.
type FlowResult struct {
	Name    string  `json:"name"`
	Passed  bool    `json:"passed"`
	Seconds float64 `json:"seconds"`
	// Step that failed, and why.
	Step  string `json:"step,omitempty"`
	Error string `json:"error,omitempty"`
}

// FlowError is a step of a flow that did not bring what it should.
type FlowError struct {
	Flow, Step string
	Err        error
}

func (e *FlowError) Error() string { return fmt.Sprintf("flow %s, %s: %v", e.Flow, e.Step, e.Err) }

// Unwrap returns the cause.
func (e *FlowError) Unwrap() error { return e.Err }

const (
	flowRequest = 10 * time.Second
	flowAnswer  = 1 << 20
	flowPause   = 200 * time.Millisecond
)

// Flow walks through a flow, step by step, as one user. Requests go through the
// transport, which knows where the service is; base is its address, or
// http://service if the transport does not look at it.
func Flow(ctx context.Context, transport http.RoundTripper, base string, flow platform.Flow) (FlowResult, error) {
	start := time.Now()
	out := FlowResult{Name: flow.Name}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	variables := map[string]any{"run": strings.ToLower(rand.Text()[:12])}
	for _, step := range flow.Steps {
		if err := walk(ctx, client, base, step, variables); err != nil {
			out.Step, out.Error, out.Seconds = stepName(step), err.Error(), time.Since(start).Seconds()
			return out, &FlowError{Flow: flow.Name, Step: out.Step, Err: err}
		}
	}
	out.Passed, out.Seconds = true, time.Since(start).Seconds()
	return out, nil
}

func stepName(step platform.FlowStep) string {
	if step.Name != "" {
		return step.Name
	}
	return method(step) + " " + step.Path
}

func method(step platform.FlowStep) string {
	switch {
	case step.Method != "":
		return strings.ToUpper(step.Method)
	case step.Body != nil:
		return http.MethodPost
	}
	return http.MethodGet
}

// walk asks a step as often as it wants.
func walk(ctx context.Context, client *http.Client, base string, step platform.FlowStep, variables map[string]any) error {
	var took []time.Duration
	for range max(step.Times, 1) {
		answered, err := hold(ctx, client, base, step, variables)
		if err != nil {
			return err
		}
		took = append(took, answered)
	}
	slices.Sort(took)
	if typical := took[(len(took)-1)/2]; step.AtMost.Duration > 0 && typical > step.AtMost.Duration {
		return fmt.Errorf("the answer took %s, and may take %s", typical.Round(time.Millisecond), step.AtMost.Duration)
	}
	return nil
}

// hold tries a step once, or for as long as it may take to become true, and
// returns how long the answer took that was right.
func hold(ctx context.Context, client *http.Client, base string, step platform.FlowStep, variables map[string]any) (time.Duration, error) {
	deadline := time.Now().Add(step.Within.Duration)
	for {
		start := time.Now()
		err := try(ctx, client, base, step, variables)
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if err == nil {
			return time.Since(start), nil
		}
		if time.Now().Add(flowPause).After(deadline) {
			return 0, err
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(flowPause):
		}
	}
}

func try(ctx context.Context, client *http.Client, base string, step platform.FlowStep, variables map[string]any) error {
	ctx, stop := context.WithTimeout(ctx, flowRequest)
	defer stop()
	request, err := build(ctx, base, step, variables)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, flowAnswer))
	if err != nil {
		return fmt.Errorf("the answer broke off: %w", err)
	}
	want := step.Status
	if want == 0 {
		want = http.StatusOK
	}
	if response.StatusCode != want {
		return fmt.Errorf("it answered %d instead of %d: %s", response.StatusCode, want, excerpt(body))
	}
	return examine(body, step, variables)
}

func build(ctx context.Context, base string, step platform.FlowStep, variables map[string]any) (*http.Request, error) {
	path, err := expandPath(step.Path, variables)
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if step.Body != nil {
		value, err := expandAny(step.Body, variables)
		if err != nil {
			return nil, err
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("encode the body: %w", err)
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method(step), strings.TrimSuffix(base, "/")+"/"+strings.TrimPrefix(path, "/"), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range step.Headers {
		if value, err = expand(value, variables); err != nil {
			return nil, err
		}
		request.Header.Set(name, value)
	}
	return request, nil
}

// examine compares the answer and remembers what later steps need.
func examine(body []byte, step platform.FlowStep, variables map[string]any) error {
	if len(step.Expect) == 0 && len(step.Capture) == 0 {
		return nil
	}
	value, err := decode(body)
	if err != nil {
		return fmt.Errorf("the answer is not JSON: %s", excerpt(body))
	}
	for path, want := range step.Expect {
		got, err := Lookup(value, path)
		if err != nil {
			return err
		}
		if want, err = expandAny(want, variables); err != nil {
			return err
		}
		if !equal(got, want) {
			return fmt.Errorf("%s is %s instead of %s", path, show(got), show(want))
		}
	}
	for name, path := range step.Capture {
		got, err := Lookup(value, path)
		if err != nil {
			return fmt.Errorf("capture %s: %w", name, err)
		}
		variables[name] = got
	}
	return nil
}

// excerpt is the start of an answer that was not expected.
func excerpt(body []byte) string {
	const most = 300
	text := strings.ToValidUTF8(string(bytes.TrimSpace(body[:min(len(body), most)])), "")
	if len(body) > most {
		text += "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

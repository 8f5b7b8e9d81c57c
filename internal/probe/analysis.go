package probe

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/api"
	prometheus "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/teei/slipway/internal/platform"
)

// Result is what a measurement says.
type Result string

// The results of a measurement.
const (
	Pass         Result = "pass"
	Fail         Result = "fail"
	Inconclusive Result = "inconclusive"
)

// Measure is what one service's metrics say of a time.
type Measure struct {
	Service string `json:"service"`
	Result  Result `json:"result"`
	// Kind of what failed: errors or latency.
	Kind string `json:"kind,omitempty"`
	// Reason why it did not pass.
	Reason string `json:"reason,omitempty"`
	// Quiet says that there were too few requests to tell.
	Quiet bool `json:"quiet,omitempty"`
	// Requests answered in that time; Errors is the share that failed, Latency
	// what 95 of 100 took, in seconds.
	Requests float64 `json:"requests"`
	Errors   float64 `json:"errors"`
	Latency  float64 `json:"latency"`
	// What it was before; NaN, or absent in JSON, where nobody knows.
	PastErrors  *float64 `json:"pastErrors,omitempty"`
	PastLatency *float64 `json:"pastLatency,omitempty"`
}

// Analysis asks Prometheus how services do, each beside its own past.
type Analysis struct {
	Address   string // of Prometheus; may hold a password, and is never shown
	Namespace string
	Metrics   platform.Metrics
	// Window of time that is looked at, and the moment it ends.
	Window time.Duration
	At     time.Time
	// Before is the end of the past that it is compared with, as long as Past.
	Before time.Time
	Past   time.Duration
}

const (
	oneQuery = 10 * time.Second
	// shortest window that can hold two samples of a usual scrape interval (15 s in
	// Prometheus's own example), without which there is no rate.
	shortest = 5 * time.Second
)

// Measure measures services beside each other, in their order. What Prometheus
// does not answer is inconclusive; the error is the context's alone.
func (a Analysis) Measure(ctx context.Context, services []string) ([]Measure, error) {
	out := make([]Measure, len(services))
	client, err := api.NewClient(api.Config{Address: a.Address})
	if u, bad := url.Parse(a.Address); err != nil || bad != nil || u.Host == "" {
		return nil, errors.New("the address of Prometheus is no URL") // either error holds it
	}
	server := prometheus.NewAPI(client)
	var work sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i, service := range services {
		work.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			out[i] = a.measure(ctx, server, service)
		})
	}
	work.Wait()
	return out, context.Cause(ctx)
}

func (a Analysis) measure(ctx context.Context, server prometheus.API, service string) Measure {
	m := Measure{Service: service, Result: Inconclusive}
	now := reading{server: server, metrics: a.Metrics, pick: a.selector(service), at: a.At, window: max(a.Window, shortest)}
	var err error
	if m.Requests, err = now.requests(ctx); err != nil {
		m.Reason = a.why(err)
		return m
	}
	if math.IsNaN(m.Requests) || m.Requests < float64(a.Metrics.Least) {
		m.Requests, m.Quiet = max(0, known(m.Requests)), true
		m.Reason = fmt.Sprintf("%.0f requests in %s are too few to tell", m.Requests, now.window.Round(100*time.Millisecond))
		return m
	}
	past := now
	past.at, past.window = a.Before, max(a.Past, shortest)
	var found [4]float64
	for i, ask := range []func(context.Context) (float64, error){now.errors, now.latency, past.errors, past.latency} {
		if found[i], err = ask(ctx); err != nil {
			m.Reason = a.why(err)
			return m
		}
	}
	m.Errors, m.Latency = known(found[0]), known(found[1]) // without a histogram, nothing is slow
	m.PastErrors, m.PastLatency = number(found[2]), number(found[3])
	return a.judge(m)
}

// judge compares a value with its limit, and with what the service showed before.
func (a Analysis) judge(m Measure) Measure {
	m.Result = Pass
	most := *a.Metrics.MostErrors
	if m.Errors > max(most, a.Metrics.Times*value(m.PastErrors)) {
		m.Result, m.Kind = Fail, "errors"
		m.Reason = fmt.Sprintf("%s of its requests fail, %s is the most%s", percent(m.Errors), percent(most), before(m.PastErrors, percent))
		return m
	}
	slow := a.Metrics.MostLatency.Seconds()
	if m.Latency > max(slow, a.Metrics.Times*value(m.PastLatency)) {
		m.Result, m.Kind = Fail, "latency"
		m.Reason = fmt.Sprintf("95 of 100 answers take up to %s, %s is the most%s", span(m.Latency), span(slow), before(m.PastLatency, span))
	}
	return m
}

func before(past *float64, show func(float64) string) string {
	if past == nil {
		return ""
	}
	return "; before the release it was " + show(*past)
}

func span(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Millisecond).String()
}

// selector fills in the service. What stands in slipway.yaml is trusted, names
// in it are quoted all the same.
func (a Analysis) selector(service string) string {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace
	return strings.NewReplacer("${namespace}", quote(a.Namespace), "${service}", quote(service)).Replace(a.Metrics.Select)
}

// why is an error without the address, which may hold a password.
func (a Analysis) why(err error) string {
	return "Prometheus does not answer: " + excerpt([]byte(addressPattern.ReplaceAllString(err.Error(), "Prometheus")))
}

var addressPattern = regexp.MustCompile(`"?https?://[^\s"]+"?`)

// reading asks for one service's values at one time.
type reading struct {
	server  prometheus.API
	metrics platform.Metrics
	pick    string // labels of the service's series
	at      time.Time
	window  time.Duration
}

func (r reading) requests(ctx context.Context) (float64, error) {
	return r.query(ctx, fmt.Sprintf("sum(increase(%s))", r.series(r.metrics.Requests)))
}

// errors is the share of requests that failed; where nothing ever failed, there
// may be no series to add up.
func (r reading) errors(ctx context.Context) (float64, error) {
	return r.query(ctx, fmt.Sprintf("(sum(rate(%[1]s)) or sum(rate(%[2]s)) * 0) / sum(rate(%[2]s))", r.series(r.metrics.Errors), r.series(r.metrics.Requests)))
}

func (r reading) latency(ctx context.Context) (float64, error) {
	return r.query(ctx, fmt.Sprintf("histogram_quantile(0.95, sum by (le) (rate(%s)))", r.series(r.metrics.Seconds+"_bucket")))
}

func (r reading) series(metric string) string {
	return fmt.Sprintf("%s{%s}[%dms]", metric, r.pick, r.window.Milliseconds())
}

// query is NaN where there is nothing to calculate with.
func (r reading) query(ctx context.Context, text string) (float64, error) {
	ctx, stop := context.WithTimeout(ctx, oneQuery)
	defer stop()
	found, _, _, err := r.server.Query(ctx, text, r.at)
	if err != nil {
		return 0, err
	}
	vector, ok := found.(model.Vector)
	if !ok || len(vector) == 0 {
		return math.NaN(), nil
	}
	return float64(vector[0].Value), nil
}

func known(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

func number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func value(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}

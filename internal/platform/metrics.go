package platform

import (
	"fmt"
	"regexp"
	"time"
)

// Metrics say in which metrics the services count their requests, and what may
// be seen in them. A value is too high when it is above its limit and also
// above so many times what the service itself showed before the release.
type Metrics struct {
	// Path of the pods' metrics, in Prometheus's text format. Default: /metrics.
	Path string `yaml:"path,omitempty"`
	// Requests is the counter of requests answered. Default: http_requests_total.
	Requests string `yaml:"requests,omitempty"`
	// Errors is the counter of those that failed. Default: http_request_errors_total.
	Errors string `yaml:"errors,omitempty"`
	// Seconds is the histogram of how long they took. Default: http_request_duration_seconds.
	Seconds string `yaml:"seconds,omitempty"`
	// Prometheus is the variable that holds its address. Absent: only the new pods are asked.
	Prometheus string `yaml:"prometheus,omitempty"`
	// Select picks the series of one service in Prometheus. Default: namespace="${namespace}",service="${service}".
	Select string `yaml:"select,omitempty"`
	// MostErrors is the share of requests that may fail. Default: 0.05.
	MostErrors *float64 `yaml:"mostErrors,omitempty"`
	// MostLatency that 95 of 100 requests may take. Default: 1s.
	MostLatency Duration `yaml:"mostLatency,omitempty"`
	// Times the service's own past that a value above its limit may be. Default: 2.
	Times float64 `yaml:"times,omitempty"`
	// Least requests that say something; fewer are inconclusive. Default: 20.
	Least int `yaml:"least,omitempty"`
	// During is how long Prometheus is watched after the last service. Default: 30s.
	During *Duration `yaml:"during,omitempty"`
	// Inconclusive says what too few requests, or a Prometheus that does not answer, mean after a release: pass or fail. Default: pass.
	Inconclusive string `yaml:"inconclusive,omitempty"`
}

// What an inconclusive measurement means.
const (
	Pass = "pass"
	Fail = "fail"
)

func (m *Metrics) fillDefaults() {
	fill(&m.Path, "/metrics")
	fill(&m.Requests, "http_requests_total")
	fill(&m.Errors, "http_request_errors_total")
	fill(&m.Seconds, "http_request_duration_seconds")
	fill(&m.Select, `namespace="${namespace}",service="${service}"`)
	fill(&m.Inconclusive, Pass)
	if m.MostErrors == nil {
		share := 0.05
		m.MostErrors = &share
	}
	if m.MostLatency.Duration == 0 {
		m.MostLatency.Duration = time.Second
	}
	if m.Times == 0 {
		m.Times = 2
	}
	if m.Least == 0 {
		m.Least = 20
	}
	if m.During == nil {
		m.During = &Duration{30 * time.Second}
	}
}

var metricPattern = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)

func badMetric(s string) string {
	if metricPattern.MatchString(s) {
		return ""
	}
	return "expected the name of a metric such as http_requests_total, found " + quote(s)
}

func validateMetrics(m *Metrics, d *document) {
	if m == nil {
		return
	}
	const at = "verify.metrics"
	for key, value := range map[string]string{"requests": m.Requests, "errors": m.Errors, "seconds": m.Seconds} {
		d.text(join(at, key), value, badMetric)
	}
	d.text(join(at, "path"), m.Path, badURLPath)
	d.text(join(at, "prometheus"), m.Prometheus, badVariable)
	d.text(join(at, "inconclusive"), m.Inconclusive, oneOf(Pass, Fail))
	if m.MostErrors != nil && (*m.MostErrors < 0 || *m.MostErrors > 1) {
		d.report(join(at, "mostErrors"), fmt.Sprintf("expected a share from 0 to 1, found %v", *m.MostErrors), "0.05 is 5 of 100 requests")
	}
	if m.Times < 0 || m.Times > 0 && m.Times < 1 {
		d.report(join(at, "times"), fmt.Sprintf("expected 1 or more, found %v", m.Times), "1 is as much as before the release")
	}
	if m.Least < 0 {
		d.report(join(at, "least"), "expected 0 or more requests", "")
	}
}

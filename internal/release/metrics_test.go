package release

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/probe"
	"github.com/teei/slipway/internal/rollout"
)

// measured is a verifier that keeps what it says.
func measured(inconclusive, prometheus string) (v Verifier, said *strings.Builder) {
	share, said := 0.05, &strings.Builder{}
	m := &platform.Metrics{
		Prometheus: "PROMETHEUS_URL", During: &platform.Duration{}, MostErrors: &share, MostLatency: platform.Duration{Duration: time.Second}, Times: 2, Least: 20,
		Requests: "hits", Errors: "misses", Seconds: "took", Select: `service="${service}"`, Inconclusive: inconclusive,
	}
	return Verifier{
		Platform: &platform.Platform{Verify: platform.Verify{Metrics: m}}, Prometheus: prometheus, Began: time.Now(),
		Say: func(format string, args ...any) { fmt.Fprintf(said, format+"\n", args...) },
	}, said
}

// TestJudged: a failed measurement fails the release, and slipway.yaml decides
// about those that say nothing.
func TestJudged(t *testing.T) {
	good := probe.Measure{Service: "web", Result: probe.Pass}
	bad := probe.Measure{Service: "api", Result: probe.Fail, Kind: "latency", Reason: "95 of 100 answers take up to 4s"}
	quiet := probe.Measure{Service: "mail", Result: probe.Inconclusive, Quiet: true, Reason: "3 requests in 30s are too few to tell"}
	for _, tt := range []struct {
		name, inconclusive string
		measures           []probe.Measure
		says, fails, hint  string
	}{
		{"all pass", platform.Fail, []probe.Measure{good}, "1 service as good as before", "", ""},
		{"one fails", platform.Pass, []probe.Measure{good, bad, quiet}, "", "api: 95 of 100 answers take up to 4s", "has the limits"},
		{"a quiet one may pass", platform.Pass, []probe.Measure{good, quiet}, "too few requests to tell, less than 20: mail", "", ""},
		{"a quiet one may fail", platform.Fail, []probe.Measure{good, quiet}, "", "mail: 3 requests in 30s are too few to tell", "inconclusive in slipway.yaml"},
	} {
		v, said := measured(tt.inconclusive, "")
		err := v.judge(*v.Platform.Verify.Metrics, tt.measures)
		var failed *MetricsError
		if errors.As(err, &failed) != (tt.fails != "") || tt.fails != "" && (!strings.HasSuffix(err.Error(), tt.fails) || !strings.Contains(failed.Hint(), tt.hint)) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if !strings.Contains(said.String(), tt.says) {
			t.Errorf("%s: it says %q", tt.name, said)
		}
	}
}

// TestPrometheusUnknown: what the platform wants to be measured is inconclusive where
// nobody says where Prometheus is; where it wants nothing, nothing is said.
func TestPrometheusUnknown(t *testing.T) {
	services := []rollout.Service{{Name: "web"}, {Name: "api"}}
	v, said := measured(platform.Pass, "")
	if err := v.metrics(t.Context(), services, time.Now()); err != nil || said.String() != "· metrics are inconclusive: PROMETHEUS_URL has no value, so Prometheus was not asked\n" {
		t.Errorf("%v, it says %q", err, said)
	}
	v, _ = measured(platform.Fail, "")
	var failed *MetricsError
	if err := v.metrics(t.Context(), services, time.Now()); !errors.As(err, &failed) || len(failed.Measures) != 2 || !strings.Contains(err.Error(), "web: PROMETHEUS_URL has no value") {
		t.Errorf("%v", err)
	}
	v, said = measured(platform.Fail, "")
	v.Platform.Verify.Metrics.Prometheus = ""
	if err := v.metrics(t.Context(), services, time.Now()); err != nil || said.Len() > 0 {
		t.Errorf("%v, it says %q", err, said)
	}
}

// TestPrometheusAway says nothing of the services, and its address is nobody's business.
func TestPrometheusAway(t *testing.T) {
	t.Parallel()
	services := []rollout.Service{{Name: "web"}}
	v, said := measured(platform.Pass, "http://user:s3cret@127.0.0.1:1")
	if err := v.metrics(t.Context(), services, time.Now()); err != nil || !strings.Contains(said.String(), "metrics are inconclusive: Prometheus does not answer") {
		t.Errorf("%v, it says %q", err, said)
	}
	v, again := measured(platform.Fail, v.Prometheus)
	var failed *MetricsError
	if err := v.metrics(t.Context(), services, time.Now()); !errors.As(err, &failed) || !strings.Contains(err.Error(), "web: Prometheus does not answer") || strings.Contains(err.Error()+said.String()+again.String(), "s3cret") {
		t.Errorf("%v, it says %q", err, again)
	}
}

package gatekeeper

import "github.com/prometheus/client_golang/prometheus"

// metrics of a gatekeeper. Names say what they count, labels have few values.
type metrics struct {
	registry  *prometheus.Registry
	webhooks  *prometheus.CounterVec // by result
	decisions *prometheus.CounterVec // by state
	answers   prometheus.Histogram   // to webhooks
	decided   prometheus.Histogram   // from the webhook to the decision
	open      prometheus.Gauge
}

func newMetrics() *metrics {
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		webhooks:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "slipway_gate_webhooks_total", Help: "Webhooks, by what became of them."}, []string{"result"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "slipway_gate_decisions_total", Help: "Decisions that GitHub was told: approved, rejected, or a report of what is waited for."}, []string{"state"}),
		answers: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "slipway_gate_webhook_seconds", Help: "Time to answer a webhook.", Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 5},
		}),
		decided: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "slipway_gate_decision_seconds", Help: "Time from a webhook to the decision.", Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 60, 600, 3600},
		}),
		open: prometheus.NewGauge(prometheus.GaugeOpts{Name: "slipway_gate_open_requests", Help: "Requests that are not decided."}),
	}
	m.registry.MustRegister(m.webhooks, m.decisions, m.answers, m.decided, m.open)
	return m
}

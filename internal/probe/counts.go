package probe

import (
	"bytes"
	"fmt"
	"math"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/teei/slipway/internal/platform"
)

// Counts are a service's counters, summed over their labels.
type Counts struct{ Requests, Errors float64 }

// ReadCounts sums two counters in a text of Prometheus's exposition format
// (prometheus.io/docs/instrumenting/exposition_formats). A counter that is not
// there counts 0.
func ReadCounts(text []byte, requests, errors string) (Counts, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return Counts{}, fmt.Errorf("read metrics: %w", err)
	}
	return Counts{Requests: sum(families[requests]), Errors: sum(families[errors])}, nil
}

// sum leaves out what is no number of events: a hostile pod may say NaN.
func sum(family *dto.MetricFamily) (total float64) {
	for _, m := range family.GetMetric() {
		value := m.GetCounter().GetValue() + m.GetUntyped().GetValue()
		if value > 0 && !math.IsInf(value, 0) {
			total += value
		}
	}
	return total
}

// Plus adds the counters of another pod.
func (c Counts) Plus(more Counts) Counts {
	return Counts{c.Requests + more.Requests, c.Errors + more.Errors}
}

// Since is what was counted after an earlier look. A counter that went back
// began again at 0.
func (c Counts) Since(earlier Counts) Counts {
	if c.Requests < earlier.Requests || c.Errors < earlier.Errors {
		return c
	}
	return Counts{c.Requests - earlier.Requests, c.Errors - earlier.Errors}
}

// TooMany says what is wrong with so many errors, "" if nothing is, or if there
// were too few requests to tell.
func (c Counts) TooMany(m platform.Metrics) string {
	if c.Requests < float64(m.Least) || c.Requests == 0 || c.Errors <= *m.MostErrors*c.Requests {
		return ""
	}
	return fmt.Sprintf("%.0f of %.0f requests failed (%s), and %s is the most", c.Errors, c.Requests, percent(c.Errors/c.Requests), percent(*m.MostErrors))
}

func percent(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) }

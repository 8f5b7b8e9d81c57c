package platform

import (
	"slices"
	"strings"
	"time"
)

// Watch says what happens in the day after a release.
type Watch struct {
	// For is how long a release is watched until it is proven. Default: 24h.
	For Duration `yaml:"for,omitempty"`
	// Breach lists what is a breach and not only a finding: health, restarts, errors, latency, logs. Default: all but logs.
	Breach []string `yaml:"breach,omitempty"`
	// OnBreach says what a breach leads to: alert, rollback, or dispatch, which starts the rollback workflow. Default: alert.
	OnBreach string `yaml:"onBreach,omitempty"`
	// OnAbandoned says what happens to a release whose process died: alert, resume or rollback. Default: alert.
	OnAbandoned string `yaml:"onAbandoned,omitempty"`
}

// What is done about what the watch finds.
const (
	Alert    = "alert"
	Resume   = "resume"
	Rollback = "rollback"
	Dispatch = "dispatch" // the workflow that rolls back is started, with its own rights and people
)

// Findings are the kinds of what a watch can find.
var Findings = []string{"health", "restarts", "errors", "latency", "logs"}

func (w *Watch) fillDefaults() {
	if w.For.Duration == 0 {
		w.For.Duration = 24 * time.Hour
	}
	if w.Breach == nil {
		w.Breach = slices.DeleteFunc(slices.Clone(Findings), func(kind string) bool { return kind == "logs" })
	}
	fill(&w.OnBreach, Alert)
	fill(&w.OnAbandoned, Alert)
}

func validateWatch(w Watch, d *document) {
	for i, kind := range w.Breach {
		d.text(item("watch.breach", i), kind, oneOf(Findings...))
	}
	d.text("watch.onBreach", w.OnBreach, oneOf(Alert, Rollback, Dispatch))
	d.text("watch.onAbandoned", w.OnAbandoned, oneOf(Alert, Resume, Rollback))
}

func oneOf(known ...string) func(string) string {
	return func(s string) string {
		if slices.Contains(known, s) {
			return ""
		}
		return "expected " + strings.Join(known[:len(known)-1], ", ") + " or " + known[len(known)-1] + ", found " + quote(s)
	}
}

package rollout

import (
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
)

// A warning holds as long as nothing shows that it is over: a Secret that was late
// must not end a release half a minute after the pod has begun to start.
func TestUnitLastWarning(t *testing.T) {
	t.Parallel()
	at := time.Unix(100, 0)
	event := func(second int, warning bool, reason string) kube.Event {
		return kube.Event{Time: at.Add(time.Duration(second) * time.Second), Warning: warning, Reason: reason}
	}
	for name, tt := range map[string]struct {
		events   []kube.Event
		workload bool
		want     string
	}{
		"none":             {nil, false, ""},
		"waits":            {[]kube.Event{event(0, false, "Scheduled"), event(1, true, "FailedMount")}, false, "FailedMount"},
		"over":             {[]kube.Event{event(1, true, "FailedMount"), event(5, false, "Pulling")}, false, ""},
		"again":            {[]kube.Event{event(1, false, "Pulled"), event(5, true, "FailedMount")}, false, "FailedMount"},
		"of one second":    {[]kube.Event{event(1, true, "FailedMount"), event(1, false, "Pulling")}, false, "FailedMount"},
		"probes are not":   {[]kube.Event{event(1, true, "Unhealthy")}, false, ""},
		"of a workload":    {[]kube.Event{event(1, true, "FailedCreate"), event(2, true, "Other")}, true, "FailedCreate"},
		"workloads create": {[]kube.Event{event(1, true, "FailedCreate"), event(2, false, "Created")}, true, "FailedCreate"},
	} {
		got := ""
		if e := lastWarning(tt.events, tt.workload); e != nil {
			got = e.Reason
		}
		if got != tt.want {
			t.Errorf("%s: %q, not %q", name, got, tt.want)
		}
	}
}

package rollout

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

// A quota that refused while a pod was on its way out has to refuse once more after
// that; anything else that is final is so at once.
func TestUnitRefusalStays(t *testing.T) {
	t.Parallel()
	going := []*corev1.Pod{{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &metav1.Time{Time: time.Unix(90, 0)}}}}
	said := func(second int64, message string) *kube.Event {
		return &kube.Event{Time: time.Unix(second, 0), Message: message}
	}
	const quota = `pods "x" is forbidden: exceeded quota: q`
	l := &looker{}
	for i, tt := range []struct {
		said *kube.Event
		pods []*corev1.Pod
		want bool
	}{
		{said(100, quota), going, false},
		{said(100, quota), nil, false},
		{said(100, quota), nil, false},
		{said(105, quota), nil, true},
		{said(106, quota), going, false}, // another one goes
		{said(106, quota), nil, false},
		{said(100, "pods are forbidden: no"), going, true},
	} {
		if got := l.stays(tt.said, tt.pods); got != tt.want {
			t.Errorf("%d: %t", i, got)
		}
	}
}

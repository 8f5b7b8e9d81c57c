package rollout

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
)

// hold is what holds a workload up, as its pods, its controller and events say.
type hold struct {
	text  string
	lacks *lack // what it waits for, if that is something somebody has to make
	pod   *corev1.Pod
	// container that waits.
	container string
}

// lack is an object, or a key in one, that a pod refers to and that is not there.
type lack struct {
	kind, name, key string
}

func (l lack) String() string {
	if l.key != "" {
		return "key " + l.key + " in " + l.kind + " " + l.name
	}
	return l.kind + " " + l.name
}

// lacking are the messages of kubelet, scheduler and admission about what is not
// there. Each may be made late, by an operator for one.
var lacking = []struct {
	message *regexp.Regexp
	kind    string
}{
	{regexp.MustCompile(`secret "(?P<name>[^"]+)" not found`), "Secret"},
	{regexp.MustCompile(`configmap "(?P<name>[^"]+)" not found`), "ConfigMap"},
	{regexp.MustCompile(`couldn't find key (?P<key>\S+) in Secret [^/\s]+/(?P<name>\S+)`), "Secret"},
	{regexp.MustCompile(`couldn't find key (?P<key>\S+) in ConfigMap [^/\s]+/(?P<name>\S+)`), "ConfigMap"},
	{regexp.MustCompile(`volume "(?P<volume>[^"]+)" : references non-existent secret key: (?P<key>\S+)`), "Secret"},
	{regexp.MustCompile(`volume "(?P<volume>[^"]+)" : references non-existent config key: (?P<key>\S+)`), "ConfigMap"},
	{regexp.MustCompile(`serviceaccount "(?P<name>[^"]+)" not found`), "ServiceAccount"},
	{regexp.MustCompile(`persistentvolumeclaim "(?P<name>[^"]+)" not found`), "PersistentVolumeClaim"},
	{regexp.MustCompile(`no PriorityClass with name (?P<name>\S+) was found`), "PriorityClass"},
}

// lackOf reads from a message what is not there, nil if it is about something else.
func lackOf(message string, pod *corev1.Pod) *lack {
	for _, l := range lacking {
		m := l.message.FindStringSubmatch(message)
		if m == nil {
			continue
		}
		of := func(group string) string {
			if i := l.message.SubexpIndex(group); i >= 0 {
				return m[i]
			}
			return ""
		}
		found := &lack{kind: l.kind, name: of("name"), key: of("key")}
		if volume := of("volume"); volume != "" {
			found.name = sourceOf(pod, volume)
		}
		return found
	}
	return nil
}

// sourceOf is the name of the Secret or ConfigMap that a volume is made from, ""
// where it is made from several.
func sourceOf(pod *corev1.Pod, volume string) string {
	if pod == nil {
		return ""
	}
	for _, v := range pod.Spec.Volumes {
		switch {
		case v.Name != volume:
		case v.Secret != nil:
			return v.Secret.SecretName
		case v.ConfigMap != nil:
			return v.ConfigMap.Name
		}
	}
	return ""
}

// there asks whether what was not there has been made meanwhile: kubelet and
// controllers look again only after a while. Who may not read it goes by what they say.
func (v *view) there(ctx context.Context, l *lack) bool {
	if l.name == "" {
		return false
	}
	obj := &kube.Object{}
	obj.SetAPIVersion("v1")
	obj.SetKind(l.kind)
	obj.SetNamespace(v.namespace)
	obj.SetName(l.name)
	if l.kind == "PriorityClass" {
		obj.SetAPIVersion("scheduling.k8s.io/v1")
	}
	live, err := v.cluster.Read(ctx, obj)
	if err != nil || live == nil {
		return false
	}
	data, _ := live.Object["data"].(map[string]any)
	binary, _ := live.Object["binaryData"].(map[string]any)
	return l.key == "" || data[l.key] != nil || binary[l.key] != nil
}

// held finds what holds a workload up, beside time; nil if nothing says so.
func held(w workload, news, died []*corev1.Pod) *hold {
	if d, ok := w.(deployment); ok {
		if message := d.refusal(); message != "" {
			return &hold{text: "its pods cannot be created: " + Clean(message), lacks: lackOf(message, nil)}
		}
	}
	for _, pod := range news {
		if ready(pod) {
			continue
		}
		if found := heldPod(pod); found != nil {
			return found
		}
	}
	if d, ok := w.(deployment); ok && len(died) == 0 {
		return d.noProgress()
	}
	if len(died) > 0 {
		return &hold{text: deathOf(died[len(died)-1]), pod: died[len(died)-1]}
	}
	return nil
}

// heldPod says what holds a pod up that has not even started, or whose containers
// are ready and who is not.
func heldPod(pod *corev1.Pod) *hold {
	for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if w := c.State.Waiting; w != nil && w.Reason != "PodInitializing" && w.Reason != "ContainerCreating" && w.Reason != "" {
			found := &hold{text: Clean("container " + c.Name + " waits: " + strings.TrimSpace(w.Reason+" "+w.Message)), pod: pod, container: c.Name}
			if w.Reason == "CreateContainerConfigError" {
				found.lacks = lackOf(w.Message, pod)
			}
			return found
		}
	}
	conditions := map[corev1.PodConditionType]corev1.PodCondition{}
	for _, c := range pod.Status.Conditions {
		conditions[c.Type] = c
	}
	if c := conditions[corev1.PodScheduled]; c.Status == corev1.ConditionFalse {
		return &hold{text: Clean("no node takes it: " + strings.TrimSpace(c.Message)), lacks: lackOf(c.Message, pod), pod: pod}
	}
	if conditions[corev1.ContainersReady].Status != corev1.ConditionTrue {
		return nil
	}
	for _, gate := range pod.Spec.ReadinessGates {
		c, set := conditions[gate.ConditionType]
		switch {
		case !set:
			return &hold{text: fmt.Sprintf("its readiness gate %s is not set by anybody", gate.ConditionType), pod: pod}
		case c.Status != corev1.ConditionTrue:
			why := strings.TrimSpace(c.Reason + " " + c.Message)
			return &hold{text: Clean(strings.TrimSuffix(fmt.Sprintf("its readiness gate %s is %s: %s", gate.ConditionType, c.Status, why), ": ")), pod: pod}
		}
	}
	return nil
}

// finalRefusal reports whether the API server will refuse the same pod again, for
// what is written in it. What a service account or a webhook that is away, or a
// quota, have to do with it may change.
func finalRefusal(message string) bool {
	refused := strings.Contains(message, "forbidden") || strings.Contains(message, "denied the request") || strings.Contains(message, "is invalid")
	return refused && lackOf(message, nil) == nil && !strings.Contains(message, "error looking up service account") && !strings.Contains(message, "status unknown for quota")
}

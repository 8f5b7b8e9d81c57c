package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"sort"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LogOptions say which log lines are wanted.
type LogOptions struct {
	Container string
	// Previous takes the log of the container instance that ended last.
	Previous bool
	// Lines from the end. Default: 20.
	Lines int
	// Bytes at most, of the end. Default: 1 MiB.
	Bytes int
	// Since leaves out what was said earlier.
	Since time.Time
}

// Logs returns the last lines of a container's log, as its process wrote them: those
// that fit, and never the first part of more.
func (c *Cluster) Logs(ctx context.Context, namespace, pod string, o LogOptions) ([]byte, error) {
	if o.Lines == 0 {
		o.Lines = 20
	}
	if o.Bytes == 0 {
		o.Bytes = 1 << 20
	}
	last := lastLines{most: o.Bytes}
	err := c.EachLine(ctx, namespace, pod, o, func(line []byte, _ bool) { last.add(line) })
	return bytes.Join(last.lines, nil), err
}

// DeletePod deletes this pod and no other of its name; its controller may make a new one.
func (c *Cluster) DeletePod(ctx context.Context, pod *corev1.Pod) error {
	obj, err := Untyped("v1", "Pod", corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, ResourceVersion: pod.ResourceVersion}})
	if err != nil {
		return err
	}
	return c.Delete(ctx, obj)
}

// message is what the API server says in an error of its own.
func (a *Answer) message() string {
	var status metav1.Status
	if json.Unmarshal(a.Body, &status) == nil && status.Message != "" {
		return status.Message
	}
	return (&StatusError{Status: a.Status}).Error()
}

// Event is something the cluster noted about an object.
type Event struct {
	Time    time.Time `json:"time"`
	Warning bool      `json:"warning"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Count   int       `json:"count"`
}

// EventsOf returns what was noted about the object with that UID, oldest first.
func (c *Cluster) EventsOf(ctx context.Context, namespace, uid string) ([]Event, error) {
	events, err := List[corev1.Event](ctx, c, Events, namespace, "", "involvedObject.uid="+uid)
	if err != nil {
		return nil, err
	}
	out := make([]Event, 0, len(events))
	for _, e := range events {
		out = append(out, Event{
			Time: eventTime(e), Warning: e.Type == corev1.EventTypeWarning,
			Reason: e.Reason, Message: e.Message, Count: max(int(e.Count), 1),
		})
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Time.Before(out[j].Time) })
	return out, nil
}

// eventTime is when it happened last; which of the fields is filled depends on who wrote the event.
func eventTime(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}

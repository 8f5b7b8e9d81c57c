package kube

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
)

// Resources that are read as typed objects.
var (
	Deployments    = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	ReplicaSets    = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
	StatefulSets   = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}
	DaemonSets     = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}
	Jobs           = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
	CronJobs       = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"}
	Pods           = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	Events         = schema.GroupVersionResource{Version: "v1", Resource: "events"}
	Services       = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	Secrets        = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	ConfigMaps     = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	EndpointSlices = schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}
	Leases         = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}
	Autoscalers    = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}
)

// Typed turns an object into its Go type.
func Typed[T any](obj *Object) (*T, error) {
	out := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, out); err != nil {
		return nil, fmt.Errorf("read %s: %w", ID(obj), err)
	}
	return out, nil
}

// GetOne reads one object, or nil if there is none.
func GetOne[T any](ctx context.Context, c *Cluster, kind schema.GroupVersionResource, namespace, name string) (*T, error) {
	var obj *Object
	err := c.patiently(ctx, func() (err error) {
		obj, err = c.dynamic.Resource(kind).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		return c.explain(err)
	})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s %s/%s: %w", kind.Resource, namespace, name, err)
	}
	return Typed[T](obj)
}

// List reads the objects of a namespace that match the selectors; empty ones match all.
func List[T any](ctx context.Context, c *Cluster, kind schema.GroupVersionResource, namespace, labels, fields string) ([]*T, error) {
	var list *unstructured.UnstructuredList
	err := c.patiently(ctx, func() (err error) {
		list, err = c.dynamic.Resource(kind).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: labels, FieldSelector: fields})
		return c.explain(err)
	})
	if err != nil {
		return nil, fmt.Errorf("list %s in %s: %w", kind.Resource, namespace, err)
	}
	out := make([]*T, 0, len(list.Items))
	for i := range list.Items {
		item, err := Typed[T](&list.Items[i])
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

// Metadata lists names and labels of the objects that match, and not what they
// hold: Secrets may be large, and are nobody's business.
func (c *Cluster) Metadata(ctx context.Context, kind schema.GroupVersionResource, namespace, labels string) ([]metav1.PartialObjectMetadata, error) {
	var list *metav1.PartialObjectMetadataList
	err := c.patiently(ctx, func() (err error) {
		list, err = c.headers.Resource(kind).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: labels})
		return c.explain(err)
	})
	if err != nil {
		return nil, fmt.Errorf("list %s in %s: %w", kind.Resource, namespace, err)
	}
	return list.Items, nil
}

// Mirror is a namespace's objects of one kind, kept current by one watch.
type Mirror[T any] struct {
	cluster   *Cluster
	kind      schema.GroupVersionResource
	namespace string
	changed   func()

	mu    sync.Mutex
	items map[string]*T
	err   error
}

// Follow lists the objects of a kind and keeps the list current until the
// context ends; changed is called after every change and must not block. A
// lost watch is taken up again, so an API server that restarts is survived; one
// that is forbidden from the beginning is an error.
func Follow[T any](ctx context.Context, c *Cluster, kind schema.GroupVersionResource, namespace string, changed func()) (*Mirror[T], error) {
	m := &Mirror[T]{cluster: c, kind: kind, namespace: namespace, changed: changed}
	var version string
	err := c.patiently(ctx, func() (err error) {
		version, err = m.list(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	events, err := m.open(ctx, version)
	if apierrors.IsForbidden(err) {
		return nil, fmt.Errorf("watch %s in %s: %w", kind.Resource, namespace, err)
	}
	go m.run(ctx, version, events)
	return m, nil
}

// Get returns the object with that name, or nil.
func (m *Mirror[T]) Get(name string) *T {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.items[name]
}

// List returns all objects, in no particular order. They are shared: do not change them.
func (m *Mirror[T]) List() []*T {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]*T, 0, len(m.items))
	for _, item := range m.items {
		out = append(out, item)
	}
	return out
}

// Err returns why the mirror is out of date at the moment, or nil.
func (m *Mirror[T]) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

func (m *Mirror[T]) list(ctx context.Context) (string, error) {
	list, err := m.cluster.dynamic.Resource(m.kind).Namespace(m.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", fmt.Errorf("list %s in %s: %w", m.kind.Resource, m.namespace, m.cluster.explain(err))
	}
	items := make(map[string]*T, len(list.Items))
	for i := range list.Items {
		item, err := Typed[T](&list.Items[i])
		if err != nil {
			return "", err
		}
		items[list.Items[i].GetName()] = item
	}
	m.mu.Lock()
	m.items, m.err = items, nil
	m.mu.Unlock()
	return list.GetResourceVersion(), nil
}

// run goes on from a watch that is open, or opens one.
func (m *Mirror[T]) run(ctx context.Context, version string, events watch.Interface) {
	pause := 50 * time.Millisecond
	for ctx.Err() == nil {
		var err error
		if events == nil {
			events, err = m.open(ctx, version)
		}
		if err == nil {
			version, err = m.read(events, version)
		}
		events = nil
		if err == nil {
			pause = 50 * time.Millisecond
			continue
		}
		m.mu.Lock()
		m.err = err
		m.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, 2*time.Second)
		if fresh, err := m.list(ctx); err == nil {
			version, pause = fresh, 50*time.Millisecond
			m.changed()
		}
	}
}

func (m *Mirror[T]) open(ctx context.Context, version string) (watch.Interface, error) {
	events, err := m.cluster.dynamic.Resource(m.kind).Namespace(m.namespace).Watch(ctx, metav1.ListOptions{
		ResourceVersion: version, AllowWatchBookmarks: true,
	})
	if err != nil {
		return nil, m.cluster.explain(err)
	}
	return events, nil
}

// read takes up events from a version on; it returns the last version seen.
// Ending without an error is normal: API servers close watches now and then.
func (m *Mirror[T]) read(events watch.Interface, version string) (string, error) {
	defer events.Stop()
	for event := range events.ResultChan() {
		if event.Type == watch.Error {
			return version, apierrors.FromObject(event.Object)
		}
		obj, ok := event.Object.(*Object)
		if !ok {
			return version, errors.New("the watch sent something that is not an object")
		}
		version = obj.GetResourceVersion()
		if event.Type == watch.Bookmark {
			continue
		}
		if err := m.take(event.Type, obj); err != nil {
			return version, err
		}
		m.changed()
	}
	return version, nil
}

func (m *Mirror[T]) take(kind watch.EventType, obj *Object) error {
	item, err := Typed[T](obj)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if kind == watch.Deleted {
		delete(m.items, obj.GetName())
		return nil
	}
	m.items[obj.GetName()] = item
	return nil
}

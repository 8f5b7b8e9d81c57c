package kube

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Need is what the pods of a workload refer to and cannot do without.
type Need struct {
	Reference
	// Key in a Secret or ConfigMap; "" for the object itself.
	Key string
}

// Needs are what the pods of a workload need to start, without what they say is
// optional and what every cluster has.
func Needs(obj *Object) ([]Need, error) {
	if _, makesPods := podSpecs[obj.GetKind()]; !makesPods {
		return nil, nil
	}
	pod, err := podOfWorkload(obj)
	if err != nil {
		return nil, err
	}
	found := needs{}
	for _, c := range slices.Concat(pod.Containers, pod.InitContainers) {
		found.environment(c)
	}
	for _, v := range pod.Volumes {
		found.volume(v.VolumeSource)
	}
	for _, secret := range pod.ImagePullSecrets {
		found.add("Secret", secret.Name, nil)
	}
	if pod.ServiceAccountName != "default" {
		found.add("ServiceAccount", pod.ServiceAccountName, nil)
	}
	if !strings.HasPrefix(pod.PriorityClassName, "system-") {
		found.add("PriorityClass", pod.PriorityClassName, nil)
	}
	if pod.RuntimeClassName != nil {
		found.add("RuntimeClass", *pod.RuntimeClassName, nil)
	}
	var out []Need
	for need := range found {
		out = append(out, need)
	}
	slices.SortFunc(out, func(a, b Need) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name), strings.Compare(a.Key, b.Key))
	})
	return out, nil
}

type needs map[Need]bool

func (n needs) add(kind, name string, optional *bool, keys ...string) {
	if name == "" || optional != nil && *optional {
		return
	}
	n[Need{Reference: Reference{kind, name}}] = true
	for _, key := range keys {
		n[Need{Reference{kind, name}, key}] = true
	}
}

func (n needs) environment(c corev1.Container) {
	for _, from := range c.EnvFrom {
		if s := from.SecretRef; s != nil {
			n.add("Secret", s.Name, s.Optional)
		}
		if m := from.ConfigMapRef; m != nil {
			n.add("ConfigMap", m.Name, m.Optional)
		}
	}
	for _, e := range c.Env {
		if e.ValueFrom == nil {
			continue
		}
		if s := e.ValueFrom.SecretKeyRef; s != nil {
			n.add("Secret", s.Name, s.Optional, s.Key)
		}
		if m := e.ValueFrom.ConfigMapKeyRef; m != nil {
			n.add("ConfigMap", m.Name, m.Optional, m.Key)
		}
	}
}

func (n needs) volume(v corev1.VolumeSource) {
	if s := v.Secret; s != nil {
		n.add("Secret", s.SecretName, s.Optional, keysOf(s.Items)...)
	}
	if m := v.ConfigMap; m != nil {
		n.add("ConfigMap", m.Name, m.Optional, keysOf(m.Items)...)
	}
	if c := v.PersistentVolumeClaim; c != nil {
		n.add("PersistentVolumeClaim", c.ClaimName, nil)
	}
	if v.Projected == nil {
		return
	}
	for _, p := range v.Projected.Sources {
		if s := p.Secret; s != nil {
			n.add("Secret", s.Name, s.Optional, keysOf(s.Items)...)
		}
		if m := p.ConfigMap; m != nil {
			n.add("ConfigMap", m.Name, m.Optional, keysOf(m.Items)...)
		}
	}
}

func keysOf(items []corev1.KeyToPath) (keys []string) {
	for _, item := range items {
		keys = append(keys, item.Key)
	}
	return keys
}

// HasKey reports whether a Secret or ConfigMap has a key, live or in a manifest.
func HasKey(obj *Object, key string) bool {
	for _, field := range []string{"data", "stringData", "binaryData"} {
		if held, _ := obj.Object[field].(map[string]any); held[key] != nil {
			return true
		}
	}
	return false
}

// Named is the object that a need names, seen from a namespace.
func (n Need) Named(namespace string) *Object {
	obj := &Object{}
	obj.SetAPIVersion("v1")
	obj.SetKind(n.Kind)
	obj.SetName(n.Name)
	switch n.Kind {
	case "PriorityClass":
		obj.SetAPIVersion("scheduling.k8s.io/v1")
	case "RuntimeClass":
		obj.SetAPIVersion("node.k8s.io/v1")
	default:
		obj.SetNamespace(namespace)
	}
	return obj
}

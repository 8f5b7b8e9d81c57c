package kube

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"sort"
	"strings"
)

// clusterKinds live outside of namespaces. Kinds of other APIs are taken for
// namespaced here and put right by the cluster's own discovery when applied.
var clusterKinds = map[string]bool{
	"Namespace": true, "Node": true, "PersistentVolume": true, "CustomResourceDefinition": true,
	"ClusterRole": true, "ClusterRoleBinding": true, "StorageClass": true, "PriorityClass": true, "IngressClass": true,
	"RuntimeClass": true, "CSIDriver": true, "CSINode": true, "VolumeAttachment": true, "APIService": true,
	"ValidatingWebhookConfiguration": true, "MutatingWebhookConfiguration": true,
	"ValidatingAdmissionPolicy": true, "ValidatingAdmissionPolicyBinding": true,
	"MutatingAdmissionPolicy": true, "MutatingAdmissionPolicyBinding": true,
	"CertificateSigningRequest": true, "FlowSchema": true, "PriorityLevelConfiguration": true,
	"GatewayClass": true, "ClusterIssuer": true,
}

func unique(objects []located) error {
	seen := map[string]string{}
	for _, l := range objects {
		group := l.obj.GroupVersionKind().Group
		id := group + " " + ID(l.obj)
		if first, twice := seen[id]; twice {
			return fmt.Errorf("read manifests: %s is there twice: %s and %s", ID(l.obj), first, l.from)
		}
		seen[id] = l.from
	}
	return nil
}

var byDigest = regexp.MustCompile(`@sha256:[0-9a-f]{64}$`)

// setImages replaces images by name. A name that no object uses is a mistake:
// the image just built would silently not be released.
func setImages(objects []located, images map[string]string) error {
	for name, reference := range images {
		if !byDigest.MatchString(reference) {
			return fmt.Errorf("set image %s: %s names no digest", name, reference)
		}
	}
	used := map[string]bool{}
	for _, l := range objects {
		eachContainer(l.obj, func(container map[string]any) {
			image, _ := container["image"].(string)
			name := ImageName(image)
			if reference, ok := images[name]; ok {
				container["image"] = reference
				used[name] = true
			}
		})
	}
	var unused []string
	for name := range images {
		if !used[name] {
			unused = append(unused, name)
		}
	}
	if len(unused) == 0 {
		return nil
	}
	sort.Strings(unused)
	return fmt.Errorf("set images: no object of the manifests uses %s", strings.Join(unused, ", "))
}

// ImageName is a reference without tag and digest.
func ImageName(reference string) string {
	name, _, _ := strings.Cut(reference, "@")
	if colon := strings.LastIndex(name, ":"); colon > strings.LastIndex(name, "/") {
		name = name[:colon]
	}
	return name
}

func label(obj *Object, more map[string]string) {
	labels := obj.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels["app.kubernetes.io/managed-by"] = Manager
	for name, value := range more {
		labels[name] = value
	}
	obj.SetLabels(labels)
}

// encodeSecret moves stringData into data. The API server does so too, but
// then the owner of a field is not the one who applied it.
func encodeSecret(obj *Object) {
	if obj.GetKind() != "Secret" || obj.GetAPIVersion() != "v1" {
		return
	}
	plain, _ := obj.Object["stringData"].(map[string]any)
	if len(plain) == 0 {
		return
	}
	data, _ := obj.Object["data"].(map[string]any)
	if data == nil {
		data = map[string]any{}
	}
	for key, value := range plain {
		if text, ok := value.(string); ok {
			data[key] = base64.StdEncoding.EncodeToString([]byte(text))
		}
	}
	obj.Object["data"] = data
	delete(obj.Object, "stringData")
}

// ranks is the order in which kinds can be applied: what others refer to first.
var ranks = func() map[string]int {
	order := [][]string{
		{"Namespace"},
		{"CustomResourceDefinition"},
		{"PriorityClass", "StorageClass", "RuntimeClass", "IngressClass"},
		{"ResourceQuota", "LimitRange", "NetworkPolicy"},
		{"ServiceAccount"},
		{"ClusterRole", "Role"},
		{"ClusterRoleBinding", "RoleBinding"},
		{"ConfigMap", "Secret"},
		{"PersistentVolume", "PersistentVolumeClaim"},
		{"Service"},
	}
	out := map[string]int{}
	for i, kinds := range order {
		for _, kind := range kinds {
			out[kind] = i - len(order)
		}
	}
	last := []string{"StatefulSet", "DaemonSet", "Deployment", "Job", "CronJob", "HorizontalPodAutoscaler", "Ingress", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"}
	for i, kind := range last {
		out[kind] = i + 1
	}
	return out
}()

// Sort puts objects into the order in which they can be applied; kinds it does
// not know come between what they may need and the workloads.
func Sort(objects []*Object) {
	sort.SliceStable(objects, func(i, j int) bool {
		a, b := objects[i], objects[j]
		if ra, rb := ranks[a.GetKind()], ranks[b.GetKind()]; ra != rb {
			return ra < rb
		}
		return ID(a) < ID(b)
	})
}

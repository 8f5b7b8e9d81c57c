package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// ConfigurationLabel has the name that a ConfigMap has in the manifests, where
// it is released under one with a hash of its content.
const ConfigurationLabel = "slipway.dev/configuration"

// HashConfiguration gives each ConfigMap that a pod of these objects refers to a
// name with a hash of its content, and makes the pods refer to that: a change
// replaces the pods, pods of the old template keep the old configuration, and
// going back finds it. What nobody here refers to keeps its name; so do Secrets,
// because a hash that everybody may read tells who can guess.
//
// Kustomize does the same for what it generates (configMapGenerator).
func HashConfiguration(objects []*Object) error {
	names := map[string]string{} // namespace/name to the new name
	for _, obj := range objects {
		if obj.GetKind() == "ConfigMap" {
			names[obj.GetNamespace()+"/"+obj.GetName()] = ""
		}
	}
	used := map[string]bool{}
	visit(objects, configRefs, func(namespace string, at map[string]any) { used[namespace+"/"+nameIn(at)] = true })
	for _, obj := range objects {
		key := obj.GetNamespace() + "/" + obj.GetName()
		if obj.GetKind() != "ConfigMap" || !used[key] {
			continue
		}
		hashed, err := hashedName(obj.GetName(), obj)
		if err != nil {
			return err
		}
		names[key] = hashed
		label(obj, map[string]string{ConfigurationLabel: obj.GetName()})
		obj.SetName(hashed)
		if err := unstructured.SetNestedField(obj.Object, true, "immutable"); err != nil {
			return err
		}
	}
	visit(objects, configRefs, func(namespace string, at map[string]any) {
		if hashed := names[namespace+"/"+nameIn(at)]; hashed != "" {
			at["name"] = hashed
		}
	})
	return nil
}

// Hashed reports whether a live ConfigMap is one that slipway released under a name
// with a hash of its content. A label alone is no mark: who copies one copies it too.
func Hashed(live *Object) bool {
	plain := live.GetLabels()[ConfigurationLabel]
	name, err := hashedName(plain, live)
	return plain != "" && err == nil && name == live.GetName() && live.GetLabels()["app.kubernetes.io/managed-by"] == Manager && labelledByUs(live)
}

// labelledByUs reports whether the field that says so is slipway's own, applied or
// made; the API server notes that, and nobody copies it.
func labelledByUs(live *Object) bool {
	return slices.ContainsFunc(live.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
		var fields struct {
			Metadata struct {
				Labels map[string]any `json:"f:labels"`
			} `json:"f:metadata"`
		}
		ours := e.Manager == Manager || isMaker(e)
		return ours && e.FieldsV1 != nil && json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields) == nil && fields.Metadata.Labels["f:"+ConfigurationLabel] != nil
	})
}

// hashedName is the name with ten digits of the SHA-256 of the content.
func hashedName(name string, obj *Object) (string, error) {
	content, err := json.Marshal(map[string]any{"data": obj.Object["data"], "binaryData": obj.Object["binaryData"]})
	if err != nil {
		return "", fmt.Errorf("read %s: %w", ID(obj), err)
	}
	sum := sha256.Sum256(content)
	return name + "-" + hex.EncodeToString(sum[:])[:10], nil
}

func nameIn(at map[string]any) string {
	name, _ := at["name"].(string)
	return name
}

// refs are the fields of a pod that name an object of one kind.
type refs struct{ from, key, volume string }

var (
	configRefs = refs{from: "configMapRef", key: "configMapKeyRef", volume: "configMap"}
	// A volume of a Secret names it otherwise, except among projected ones.
	secretRefs = refs{from: "secretRef", key: "secretKeyRef", volume: "secret"}
)

// visit calls act for each place in the pods of these objects that names one.
func visit(objects []*Object, r refs, act func(namespace string, at map[string]any)) {
	for _, obj := range objects {
		here := func(holder any, field string) {
			m, _ := holder.(map[string]any)
			if at, ok := m[field].(map[string]any); ok {
				act(obj.GetNamespace(), at)
			}
		}
		eachContainer(obj, func(container map[string]any) {
			for _, from := range list(container, "envFrom") {
				here(from, r.from)
			}
			for _, variable := range list(container, "env") {
				if v, ok := variable.(map[string]any); ok {
					here(v["valueFrom"], r.key)
				}
			}
		})
		path, ok := podSpecs[obj.GetKind()]
		if !ok {
			continue
		}
		spec, _, _ := unstructured.NestedFieldNoCopy(obj.Object, path...)
		for _, volume := range list(spec, "volumes") {
			here(volume, r.volume)
			v, _ := volume.(map[string]any)
			for _, source := range list(v["projected"], "sources") {
				here(source, r.volume)
			}
		}
	}
}

func list(holder any, field string) []any {
	m, _ := holder.(map[string]any)
	items, _ := m[field].([]any)
	return items
}

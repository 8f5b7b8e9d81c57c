package scaffold

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/teei/slipway/internal/platform"
)

// objects are the Kubernetes objects of a repository, as far as they matter.
type objects struct {
	workloads []workload
	files     []string // that hold objects, without kustomizations and charts
	kustomize []kustomization
	charts    []string // folders
	configMap bool     // there is one
	// namespaces that objects name, without those of kustomizations
	namespaces map[string]bool
}

type workload struct {
	name, image, health string
	port                int
	secrets             []string // variables taken from a Secret
}

type kustomization struct{ dir, namespace string }

// object is the part of a manifest that is read.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name      string `yaml:"name"`
		Namespace string `yaml:"namespace"`
	} `yaml:"metadata"`
	Spec struct {
		Template struct {
			Spec struct {
				Containers []container `yaml:"containers"`
			} `yaml:"spec"`
		} `yaml:"template"`
	} `yaml:"spec"`
}

type container struct {
	Image string `yaml:"image"`
	Ports []struct {
		ContainerPort int `yaml:"containerPort"`
	} `yaml:"ports"`
	ReadinessProbe probe `yaml:"readinessProbe"`
	LivenessProbe  probe `yaml:"livenessProbe"`
	Env            []struct {
		Name      string `yaml:"name"`
		ValueFrom struct {
			SecretKeyRef map[string]any `yaml:"secretKeyRef"`
		} `yaml:"valueFrom"`
	} `yaml:"env"`
}

type probe struct {
	HTTPGet struct {
		Path string `yaml:"path"`
	} `yaml:"httpGet"`
}

// readObjects reads every manifest below the root, whatever its folder is called.
func readObjects(f files) objects {
	o := objects{namespaces: map[string]bool{}}
	for _, name := range f.match("**/Chart.yaml") {
		o.charts = append(o.charts, path.Dir(name))
	}
	for _, name := range f.match("**/*.yaml", "**/*.yml") {
		switch path.Base(name) {
		case "kustomization.yaml", "kustomization.yml":
			var k struct {
				Namespace string `yaml:"namespace"`
			}
			_ = yaml.Unmarshal(f.read(name), &k) // what it lacks is guessed
			o.kustomize = append(o.kustomize, kustomization{path.Dir(name), k.Namespace})
			continue
		}
		if slices.ContainsFunc(o.charts, func(chart string) bool { return strings.HasPrefix(name, chart+"/") }) {
			continue // templates are no YAML yet
		}
		o.readFile(name, f.read(name))
	}
	return o
}

func (o *objects) readFile(name string, data []byte) {
	holds := false
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var one object
		if err := decoder.Decode(&one); err != nil {
			// The end, or another tool's YAML. A document that merely does not
			// fit the types above stops here too: better a guess than a failure.
			break
		}
		if one.APIVersion == "" || one.Kind == "" {
			continue
		}
		holds = true
		if one.Metadata.Namespace != "" {
			o.namespaces[one.Metadata.Namespace] = true
		}
		o.configMap = o.configMap || one.Kind == "ConfigMap"
		if one.Kind == "Deployment" && one.Metadata.Name != "" {
			o.add(one)
		}
	}
	if holds {
		o.files = append(o.files, name)
	}
}

func (o *objects) add(one object) {
	w := workload{name: one.Metadata.Name}
	for _, c := range one.Spec.Template.Spec.Containers {
		if w.image == "" {
			w.image = c.Image
		}
		if w.port == 0 && len(c.Ports) > 0 && platform.ValidPort(c.Ports[0].ContainerPort) {
			w.port = c.Ports[0].ContainerPort
			if health := first(c.ReadinessProbe.HTTPGet.Path, c.LivenessProbe.HTTPGet.Path); platform.ValidHealth(health) {
				w.health = health
			}
		}
		for _, e := range c.Env {
			if e.ValueFrom.SecretKeyRef != nil {
				w.secrets = append(w.secrets, e.Name)
			}
		}
	}
	for i := range o.workloads { // an overlay's patch repeats the name and little else
		if old := &o.workloads[i]; old.name == w.name {
			old.image, old.health = first(old.image, w.image), first(old.health, w.health)
			old.port = max(old.port, w.port)
			old.secrets = append(old.secrets, w.secrets...)
			return
		}
	}
	o.workloads = append(o.workloads, w)
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// namespace is the one that all objects name which name any, "" if they differ.
func (o *objects) namespace() string {
	for name := range o.namespaces {
		if len(o.namespaces) == 1 && label(name) == name {
			return name
		}
	}
	return ""
}

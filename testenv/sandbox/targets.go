package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"
)

// Debian builds Prometheus without the discovery of Kubernetes pods. The box
// does it instead: it watches the pods and writes the list that Prometheus
// reads (and watches) as a file.

type pod struct {
	Metadata struct {
		Name, Namespace, ResourceVersion string
		Labels, Annotations              map[string]string
	}
	Status struct{ Phase, PodIP string }
}

// target is an entry of Prometheus's file_sd format.
type target struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

func targetsFile() string { return statePath("targets.json") }

// discover keeps the list of targets for as long as ctx lasts.
func discover(ctx context.Context) {
	for ctx.Err() == nil {
		// Ends when the API server ends the watch or is not there yet.
		if err := watchTargets(ctx); err != nil && ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Second):
			}
		}
	}
}

func watchTargets(ctx context.Context) error {
	client, err := apiClient()
	if err != nil {
		return err
	}
	client.Timeout = 0
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, apiServer+"/api/v1/pods?watch=1", nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("watch pods: %s", res.Status)
	}
	// A watch without a resourceVersion begins with what exists.
	known := map[string]target{}
	events := json.NewDecoder(res.Body)
	for {
		var event struct {
			Type   string
			Object pod
		}
		if err := events.Decode(&event); err != nil {
			return err
		}
		p := event.Object
		id := p.Metadata.Namespace + "/" + p.Metadata.Name
		t, scraped := p.target()
		if event.Type == "DELETED" || !scraped {
			if _, ok := known[id]; !ok {
				continue
			}
			delete(known, id)
		} else {
			known[id] = t
		}
		if err := writeTargets(known); err != nil {
			return err
		}
	}
}

func (p pod) target() (target, bool) {
	a := p.Metadata.Annotations
	if a["prometheus.io/scrape"] != "true" || p.Status.Phase != "Running" || p.Status.PodIP == "" {
		return target{}, false
	}
	return target{
		Targets: []string{p.Status.PodIP + ":" + a["prometheus.io/port"]},
		Labels: map[string]string{
			"namespace": p.Metadata.Namespace, "pod": p.Metadata.Name,
			"service": p.Metadata.Labels["app.kubernetes.io/name"],
		},
	}, true
}

func writeTargets(known map[string]target) error {
	list := make([]target, 0, len(known))
	for _, id := range sortedKeys(known) {
		list = append(list, known[id])
	}
	data, err := json.Marshal(list)
	if err != nil {
		return err
	}
	if err := os.WriteFile(targetsFile()+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(targetsFile()+".new", targetsFile())
}

package sandbox

import (
	"encoding/json"
	"reflect"
	"testing"
)

// Prometheus scrapes what runs and asks for it, under the name of its service.
func TestPodsThatAreScraped(t *testing.T) {
	t.Parallel()
	const asks = `"annotations":{"prometheus.io/scrape":"true","prometheus.io/port":"3017"}`
	for text, want := range map[string]target{
		`{"metadata":{"name":"a","namespace":"teei","labels":{"app.kubernetes.io/name":"api-gateway"},` + asks + `},"status":{"phase":"Running","podIP":"10.244.0.7"}}`: {
			Targets: []string{"10.244.0.7:3017"},
			Labels:  map[string]string{"namespace": "teei", "pod": "a", "service": "api-gateway"},
		},
		`{"metadata":{"name":"a",` + asks + `},"status":{"phase":"Pending","podIP":"10.244.0.7"}}`: {},
		`{"metadata":{"name":"a",` + asks + `},"status":{"phase":"Running"}}`:                      {},
		`{"metadata":{"name":"a"},"status":{"phase":"Running","podIP":"10.244.0.7"}}`:              {},
	} {
		var p pod
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatal(err)
		}
		got, scraped := p.target()
		if !reflect.DeepEqual(got, want) || scraped != (len(want.Targets) > 0) {
			t.Errorf("%s\nis scraped %t as %+v, want %+v", text, scraped, got, want)
		}
	}
}

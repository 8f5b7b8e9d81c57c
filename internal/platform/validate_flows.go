package platform

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Methods that a step of a flow can have.
var Methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// mostTimes that a step is asked: a flow is no load test.
const mostTimes = 100

func validateFlows(p *Platform, d *document) {
	first := map[string]string{}
	for i, flow := range p.Flows {
		at := item("flows", i)
		d.required(at, "name", "a name such as sign-up")
		d.unique(first, flow.Name, join(at, "name"), "flow")
		if service := join(at, "service"); d.has(service) && !d.bad[service] && !slices.Contains(p.names(), flow.Service) {
			d.report(service, "unknown service "+quote(flow.Service)+", expected one of this file's", didYouMean(flow.Service, p.names()))
		}
		d.required(at, "steps", "a list of requests")
		if steps := join(at, "steps"); d.has(steps) && !d.bad[steps] && len(flow.Steps) == 0 {
			d.report(steps, "expected at least one request", "")
		}
		known := map[string]bool{"run": true}
		for j, step := range flow.Steps {
			validateStep(step, item(join(at, "steps"), j), known, d)
		}
	}
}

// validateStep adds what the step captures to known.
func validateStep(step FlowStep, at string, known map[string]bool, d *document) {
	d.required(at, "path", "a path such as /api/users")
	d.text(join(at, "path"), step.Path, badURLPath)
	if method := join(at, "method"); d.has(method) && !d.bad[method] && !slices.Contains(Methods, step.Method) {
		d.report(method, "expected a method such as GET or POST, found "+quote(step.Method), didYouMean(step.Method, Methods))
	}
	if status := join(at, "status"); d.has(status) && !d.bad[status] && (step.Status < 100 || step.Status > 599) {
		d.report(status, fmt.Sprintf("expected a status from 100 to 599, found %d", step.Status), "")
	}
	if times := join(at, "times"); d.has(times) && !d.bad[times] && (step.Times < 1 || step.Times > mostTimes) {
		d.report(times, fmt.Sprintf("expected 1 to %d times, found %d", mostTimes, step.Times), "")
	}
	d.variables(join(at, "path"), step.Path, known)
	d.variables(join(at, "headers"), step.Headers, known)
	d.variables(join(at, "body"), step.Body, known)
	d.variables(join(at, "expect"), step.Expect, known)
	for _, name := range sortedKeys(step.Capture) {
		if !variablePattern.MatchString(name) {
			d.reportKey(join(join(at, "capture"), name), badVariable(name), "")
		}
		known[name] = true
	}
}

var reference = regexp.MustCompile(`\$\{([^}]*)\}`)

// variables reports every ${variable} in value, whatever its shape, that no
// earlier step captured.
func (d *document) variables(path string, value any, known map[string]bool) {
	switch value := value.(type) {
	case string:
		for _, m := range reference.FindAllStringSubmatch(value, -1) {
			if !known[m[1]] {
				d.report(path, "undefined ${"+strings.Trim(quote(m[1]), `"`)+"}, expected what an earlier step captures", hintFor(m[1], sortedKeys(known), "add a capture to a step before this one"))
			}
		}
	case map[string]string:
		for _, key := range sortedKeys(value) {
			d.variables(join(path, key), value[key], known)
		}
	case map[string]any:
		for _, key := range sortedKeys(value) {
			d.variables(join(path, key), value[key], known)
		}
	case []any:
		for i := range value {
			d.variables(item(path, i), value[i], known)
		}
	}
}

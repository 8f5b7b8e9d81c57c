package github

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

//go:embed openapi.json
var openAPI []byte

// description is GitHub's own, parsed once: validating against it is cheap, reading it is not.
var description = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err != nil {
		return nil, fmt.Errorf("read GitHub's description: %w", err)
	}
	doc.Servers = nil // any host
	return doc, nil
})

// example is a deep copy of one of GitHub's own examples.
func example(name string) any {
	doc, err := description()
	if err != nil {
		panic(err) // the file is part of the binary
	}
	data, err := json.Marshal(doc.Components.Examples[name].Value.Value)
	if err != nil {
		panic(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		panic(err)
	}
	return out
}

// described answers requests by a handler and holds both sides against the
// description; what does not fit is a violation, which nobody may overlook.
type described struct {
	router  routers.Router
	next    http.Handler
	fault   func(*http.Request) *Fault // that befalls a request, nil for none
	violate func(string)
}

func newDescribed(next http.Handler, fault func(*http.Request) *Fault, violate func(string)) (*described, error) {
	doc, err := description()
	if err != nil {
		return nil, err
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("read GitHub's description: %w", err)
	}
	return &described{router: router, next: next, fault: fault, violate: violate}, nil
}

func (d *described) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, params, err := d.router.FindRoute(r)
	if err != nil {
		d.violate(fmt.Sprintf("%s %s: GitHub has no such endpoint (%v)", r.Method, r.URL, err))
		http.Error(w, `{"message":"Not Found"}`, http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}
	if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
		d.violate(fmt.Sprintf("%s %s: %s", r.Method, r.URL, firstLine(err)))
		http.Error(w, `{"message":"Validation Failed"}`, http.StatusUnprocessableEntity)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	for name, value := range params {
		r.SetPathValue(name, value)
	}
	fault, answer := d.fault(r), httptest.NewRecorder()
	switch {
	case fault != nil && fault.spoils():
		fault.spoil(w)
		return
	case fault != nil && fault.Status != 0:
		fault.refuse(answer)
	default:
		d.next.ServeHTTP(answer, r.WithContext(context.WithValue(r.Context(), operation{}, route.Operation.OperationID)))
	}
	d.check(input, answer, r)
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// anywhere are the errors that every endpoint can answer, and that the description
// of none has: what GitHub says of them is that their body is a basic error
// (docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api).
var anywhere = []int{401, 403, 404, 422, 429, 500, 502, 503}

// check holds an answer against the description.
func (d *described) check(input *openapi3filter.RequestValidationInput, answer *httptest.ResponseRecorder, r *http.Request) {
	responses := input.Route.Operation.Responses
	if responses.Status(answer.Code) == nil && slices.Contains(anywhere, answer.Code) {
		var body any
		err := json.Unmarshal(answer.Body.Bytes(), &body)
		if err == nil {
			err = input.Route.Spec.Components.Schemas["basic-error"].Value.VisitJSON(body)
		}
		if err != nil {
			d.violate(fmt.Sprintf("the error of %s %s: %s", r.Method, r.URL, firstLine(err)))
		}
		return
	}
	err := openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: answer.Code, Header: answer.Header(),
		Body: io.NopCloser(bytes.NewReader(answer.Body.Bytes())), Options: input.Options,
	})
	if err != nil {
		d.violate(fmt.Sprintf("the answer to %s %s: %s", r.Method, r.URL, firstLine(err)))
	}
}

// operation is the key of a request's operation in its context.
type operation struct{}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

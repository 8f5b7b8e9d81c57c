package main

import (
	"encoding/json"

	"github.com/invopop/jsonschema"

	"github.com/teei/slipway/internal/platform"
)

const (
	label    = `^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`
	variable = `^[A-Za-z_][A-Za-z0-9_]*$`
	relative = `^[^/]`
	registry = `^[A-Za-z0-9$][A-Za-z0-9._:${}-]*(/[A-Za-z0-9._${}-]+)*$`
	urlPath  = `^/`
	sealKey  = `^age1[02-9ac-hj-np-z]{58}$`
)

// refine adds what Go's types cannot say. What a schema cannot say either, such
// as names that must exist, only `slipway` itself checks.
func refine(s *jsonschema.Schema) {
	get := func(of, key string) *jsonschema.Schema {
		from := s
		if of != "" {
			from = s.Definitions[of]
		}
		p, ok := from.Properties.Get(key)
		if !ok {
			panic("no " + of + "." + key + " in the types")
		}
		return p
	}
	get("", "version").Enum = []any{1}
	get("", "checks").PropertyNames = &jsonschema.Schema{Enum: anys(platform.CheckNames)}
	get("", "infrastructure").PropertyNames = &jsonschema.Schema{Enum: anys(platform.InfrastructureKinds())}
	get("", "environments").PropertyNames = &jsonschema.Schema{Pattern: label}
	get("", "services").MinItems = ptr(uint64(1))
	get("Manifests", "hooks").Enum = []any{platform.Refuse, platform.Exclude}
	get("Database", "onFailure").Enum = []any{platform.Keep, platform.Restore}
	get("Metrics", "inconclusive").Enum = []any{platform.Pass, platform.Fail}
	between(get("Metrics", "mostErrors"), "0", "1")
	get("Environment", "history").Minimum = "2"
	get("Environment", "sealBackups").Items.Pattern = sealKey
	get("Metrics", "times").Minimum, get("Metrics", "least").Minimum = "1", "0"
	get("Watch", "breach").Items.Enum = anys(platform.Findings)
	get("Watch", "onBreach").Enum = []any{platform.Alert, platform.Rollback, platform.Dispatch}
	get("Watch", "onAbandoned").Enum = []any{platform.Alert, platform.Resume, platform.Rollback}
	get("Check", "needs").Items.Enum = anys(platform.InfrastructureKinds())
	get("Flow", "steps").MinItems = ptr(uint64(1))
	get("FlowStep", "method").Enum = anys(platform.Methods)
	between(get("FlowStep", "status"), "100", "599")
	get("Variable", "minLength").Minimum = "0"

	format := get("Variable", "format")
	format.Type, format.AnyOf = "", []*jsonschema.Schema{{Enum: anys(platform.Formats())}, {Type: "string", Pattern: `^/.*/$`}}

	get("Service", "name").Not = &jsonschema.Schema{Enum: anys(platform.Reserved)}

	for _, of := range []string{"Service", "Infrastructure"} {
		between(get(of, "port"), "1", "65535")
	}
	for pattern, places := range map[string][][2]string{
		label:    {{"", "name"}, {"Service", "name"}, {"Environment", "namespace"}, {"Manifests", "namespace"}},
		variable: {{"Variable", "name"}, {"Infrastructure", "variable"}, {"Database", "url"}, {"Environment", "kubeconfig"}, {"Metrics", "prometheus"}},
		relative: {{"Service", "path"}, {"Manifests", "kustomize"}, {"Database", "migrations"}, {"Environment", "overlay"}, {"Image", "context"}},
		registry: {{"", "registry"}, {"Environment", "registry"}},
		urlPath:  {{"Service", "health"}, {"FlowStep", "path"}, {"Metrics", "path"}},
	} {
		for _, place := range places {
			get(place[0], place[1]).Pattern = pattern
		}
	}
	atMostOne(s.Definitions["Image"], "base", "dockerfile", "reference")
	atMostOne(s.Definitions["Manifests"], "kustomize", "files", "command")
}

// atMostOne forbids every pair of the keys.
func atMostOne(s *jsonschema.Schema, keys ...string) {
	for i, a := range keys {
		for _, b := range keys[i+1:] {
			s.AllOf = append(s.AllOf, &jsonschema.Schema{Not: &jsonschema.Schema{Required: []string{a, b}}})
		}
	}
}

func between(s *jsonschema.Schema, least, most json.Number) { s.Minimum, s.Maximum = least, most }

func anys[T any](values []T) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = v
	}
	return all
}

func ptr[T any](v T) *T { return &v }

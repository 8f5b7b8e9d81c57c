// Command schema writes slipway.schema.json, from which editors complete and
// check a slipway.yaml, out of the Go types and their comments. `go generate
// ./internal/platform` runs it.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/teei/slipway/internal/platform"
)

const (
	file = "slipway.schema.json"
	pkg  = "github.com/teei/slipway/internal/platform"
)

func main() {
	data, err := generate()
	if err == nil {
		err = os.WriteFile(file, data, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "write "+file+":", err)
		os.Exit(1)
	}
}

// generate must run in the folder of package platform, whose sources hold the
// comments.
func generate() ([]byte, error) {
	r := &jsonschema.Reflector{FieldNameTag: "yaml", ExpandedStruct: true, Mapper: duration}
	if err := r.AddGoComments(pkg, ".", jsonschema.WithFullComment()); err != nil {
		return nil, err
	}
	for name, comment := range r.CommentMap {
		r.CommentMap[name] = strings.Join(strings.Fields(comment), " ")
	}
	schema := r.Reflect(&platform.Platform{})
	schema.ID = "https://github.com/teei/slipway/slipway.schema.json"
	schema.Title = "slipway.yaml"
	schema.Description = "What a team's platform is made of, how it is checked and where it is released to."
	refine(schema)
	data, err := json.MarshalIndent(schema, "", "  ")
	return append(data, '\n'), err
}

func duration(t reflect.Type) *jsonschema.Schema {
	if t != reflect.TypeFor[platform.Duration]() {
		return nil
	}
	return &jsonschema.Schema{Type: "string", Pattern: `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`, Examples: []any{"90s", "10m"}}
}

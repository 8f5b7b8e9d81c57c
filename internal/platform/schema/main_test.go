package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/teei/slipway/internal/platform"
)

func TestSchemaIsUpToDate(t *testing.T) {
	t.Chdir("..")
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("`go generate ./internal/platform` writes it anew (-want +got):\n%s", diff)
	}
}

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile("../" + file)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(file, document); err != nil {
		t.Fatal(err)
	}
	return compiler.MustCompile(file)
}

// The samples are what everybody copies from, so schema and loader must both
// be content with them.
func TestSamplesAreValid(t *testing.T) {
	schema := compile(t)
	for _, root := range []string{"../../../testenv/platform", "../../../ci/testdata/other-team"} {
		if _, err := platform.Load(root); err != nil {
			t.Errorf("%s:\n%v", root, err)
		}
		if err := schema.Validate(decode(t, filepath.Join(root, platform.File))); err != nil {
			t.Errorf("%s: %v", root, err)
		}
	}
}

// An editor should show most mistakes while they are typed.
func TestSchemaRefusesMostMistakes(t *testing.T) {
	schema := compile(t)
	cases, err := filepath.Glob("../testdata/err/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, name := range cases {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if strings.Contains(name, "alias") || yaml.Unmarshal(data, &value) != nil {
			continue // not YAML for a common reader either
		}
		if schema.Validate(value) != nil {
			refused++
		}
	}
	if refused < 20 {
		t.Errorf("the schema refuses %d of %d mistakes: it lost its rules", refused, len(cases))
	}
}

func decode(t *testing.T, name string) any {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := yaml.Unmarshal(data, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

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

// loaderAlone are the mistakes that no schema can see, and why.
var loaderAlone = map[string]string{
	"after":               "names of other places in the file",
	"cycle":               "names of other places in the file",
	"order":               "names of other places in the file",
	"order-against-after": "names of other places in the file",
	"together":            "names of other places in the file",
	"duplicate-port":      "the same value in two items, which differ otherwise",
	"duplicate-service":   "the same value in two items, which differ otherwise",
	"long-namespace":      "two names, together too long",
	"one-namespace":       "the same values in two items, which differ otherwise",
	"merge-key":           "gone once the YAML is read",
	"two-documents":       "gone once the YAML is read",
}

// An editor should show mistakes while they are typed: all that a schema can tell.
func TestSchemaRefusesMistakes(t *testing.T) {
	schema := compile(t)
	cases, err := filepath.Glob("../testdata/err/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range cases {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		mistake := strings.TrimSuffix(filepath.Base(name), ".yaml")
		var value any
		if strings.Contains(name, "alias") || yaml.Unmarshal(data, &value) != nil {
			continue // not YAML for a common reader either
		}
		why, alone := loaderAlone[mistake]
		switch refused := schema.Validate(value) != nil; {
		case refused && alone:
			t.Errorf("the schema refuses %s, so it is no exception: %s", mistake, why)
		case !refused && !alone:
			t.Errorf("the schema allows %s: it lost a rule, or the mistake is one for the loader alone", mistake)
		}
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

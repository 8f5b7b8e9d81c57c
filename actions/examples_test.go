package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var fence = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// What people copy out of the documentation is held against the actions and the
// workflows that it uses, and against the rules for our own.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := map[string]int{}
	for _, file := range append(files, "../README.md") {
		for _, m := range fence.FindAllStringSubmatch(read(t, file), -1) {
			example := strings.ReplaceAll(m[1], "SHA", strings.Repeat("a", 40)+" # v1")
			var parsed yaml.Node
			if err := yaml.Unmarshal([]byte(example), &parsed); err != nil {
				t.Errorf("%s: %v\n%s", file, err, m[1])
				continue
			}
			for _, fault := range faultsOfExample(t, example) {
				t.Errorf("%s: %s\n%s", file, fault, m[1])
			}
			if strings.Contains(example, "uses: ") {
				checked[filepath.Base(file)]++
			}
		}
	}
	if checked["README.md"] == 0 || checked["gates.md"] == 0 {
		t.Errorf("examples with actions: %v", checked)
	}
}

// faultsOfExample looks at a whole workflow, or at some steps of one.
func faultsOfExample(t *testing.T, example string) (found []string) {
	var w workflow
	var steps []step
	switch {
	case !strings.Contains(example, "uses: "):
		return nil // of slipway.yaml, whose own examples are held elsewhere
	case yaml.Unmarshal([]byte(example), &steps) == nil:
		// Somebody puts them into a job, which has an environment if they have secrets.
		found = faults(t, "on: push\npermissions: {}\njobs:\n  a:\n    timeout-minutes: 5\n    permissions: {}\n    environment: production\n    steps:\n      "+strings.ReplaceAll(strings.TrimSpace(example), "\n", "\n      ")+"\n")
	case yaml.Unmarshal([]byte(example), &w) == nil && len(w.Jobs) > 0:
		found = faults(t, example)
	default:
		return []string{"it is neither steps nor a workflow"}
	}
	for _, j := range w.Jobs {
		steps = append(steps, j.Steps...)
		if j.Uses != "" {
			found = append(found, called(t, j)...)
		}
	}
	for _, s := range steps {
		action, _, _ := strings.Cut(s.Uses, "@")
		folder, ours := strings.CutPrefix(action, "teei/slipway/actions/")
		if !ours {
			continue
		}
		if _, err := os.Stat(folder); err != nil {
			found = append(found, "there is no action "+action)
		} else if fault := fits(t, filepath.Join(folder, "action.yml"), s.With); fault != "" {
			found = append(found, fault)
		}
	}
	return found
}

// called holds a job that calls one of our workflows against it: its inputs, and
// the permissions, which a workflow that is called cannot widen.
func called(t *testing.T, j job) (found []string) {
	name, _, _ := strings.Cut(strings.TrimPrefix(j.Uses, "teei/slipway/.github/workflows/"), "@")
	w := readWorkflow(t, name)
	takes := w.callable(t)
	if takes == nil {
		return []string{name + " cannot be called"}
	}
	if fault := given(name, takes.Inputs, j.With); fault != "" {
		found = append(found, fault)
	}
	handed := map[string]string{}
	if err := j.Secrets.Decode(&handed); err != nil && !j.Secrets.IsZero() {
		t.Fatal(err)
	}
	for secret := range takes.Secrets {
		if handed[secret] == "" {
			found = append(found, "it does not hand the secret "+secret+" to "+name)
		}
	}
	if fault := given(name, takes.Secrets, handed); fault != "" {
		found = append(found, fault)
	}
	may := map[string]string{}
	if err := j.Permissions.Decode(&may); err != nil {
		t.Fatal(err)
	}
	for inner, theirs := range w.Jobs {
		wants := map[string]string{}
		if err := theirs.Permissions.Decode(&wants); err != nil {
			t.Fatal(err)
		}
		for scope, access := range wants {
			if may[scope] != access && may[scope] != "write" {
				found = append(found, "its job "+inner+" of "+name+" wants "+scope+": "+access+", and the caller does not give it")
			}
		}
	}
	return found
}

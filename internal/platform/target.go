package platform

import (
	"slices"
	"strings"
)

// Target is where a run backs up, migrates and releases to.
type Target struct {
	Platform    string            // its name
	Environment string            // "" for the sandbox
	Sandbox     bool              // the machine's own, thrown away any time
	Kubeconfig  string            // path of the file
	Context     string            // in the kubeconfig, "" for its current one
	Namespace   string            // of the platform
	Overlay     string            // Kustomize folder, relative to the root; "" where manifests are not Kustomize's
	Registry    string            // that images are pushed to, host and path
	History     int               // how many releases the ledger keeps; 0 is its default
	Values      map[string]string // of the variables that the platform requires; secret
}

// Owner is whose releases to this target are.
func (t Target) Owner() Owner {
	return Owner{Platform: t.Platform, Environment: or(t.Environment, "sandbox"), Namespace: t.Namespace}
}

// Target resolves an environment by its name, and the sandbox by "". The two
// never mix: the sandbox reads only the file that it wrote itself, whatever
// the shell exports, and an environment only the shell, through getenv. An
// unset secret is an empty string, so an empty value is an error that names
// the variable, and all of them at once. Errors are *UsageError or
// *InfrastructureError.
func (p *Platform) Target(environment string, getenv func(string) string) (Target, error) {
	getenv = Bundled(getenv)
	if environment == "" {
		return p.sandbox(EnvFile)
	}
	e, ok := p.Environments[environment]
	if !ok {
		return Target{}, unknownEnvironment(environment, sortedKeys(p.Environments))
	}
	var missing []string
	lookup := func(name string) string {
		value := getenv(name)
		if strings.TrimSpace(value) == "" && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
		return value
	}
	t := Target{
		Platform:    p.Name,
		Environment: environment,
		Kubeconfig:  getenv(KubeconfigVariable),
		Context:     e.Context,
		Namespace:   e.Namespace,
		Overlay:     or(e.Overlay, p.Manifests.Kustomize),
		Registry:    expand(or(e.Registry, p.Registry), lookup),
		History:     e.History,
		Values:      map[string]string{},
	}
	if t.Kubeconfig == "" {
		t.Kubeconfig = lookup(or(e.Kubeconfig, "KUBECONFIG"))
	}
	for _, name := range p.Required() {
		t.Values[name] = lookup(or(e.Variables[name], name))
	}
	if err := isPath(t.Kubeconfig, environment); err != nil {
		return Target{}, err
	}
	if len(missing) > 0 {
		return Target{}, &UsageError{
			Message: "environment " + environment + " lacks " + strings.Join(missing, ", "),
			Advice:  "export " + these(missing) + "; in a workflow, check that the secret exists in the environment and is passed as env",
		}
	}
	return t, nil
}

// Place resolves only where an environment is, for what needs few or none of its
// variables: cluster and namespace, and the values that happen to be there. There is no falling back to the sandbox; it
// has to be asked for as "sandbox". Errors are those of Target.
func (p *Platform) Place(environment string, getenv func(string) string) (Target, error) {
	getenv = Bundled(getenv)
	e, ok := p.Environments[environment]
	switch {
	case !ok && environment == "sandbox":
		return p.sandbox(EnvFile)
	case !ok:
		return Target{}, &UsageError{Message: "unknown environment " + quote(environment), Advice: File + " has " + or(strings.Join(sortedKeys(p.Environments), ", "), "none") + "; sandbox is this machine's"}
	}
	variable := or(e.Kubeconfig, "KUBECONFIG")
	t := Target{
		Platform: p.Name, Environment: environment, Kubeconfig: or(getenv(KubeconfigVariable), getenv(variable)), Context: e.Context, Namespace: e.Namespace,
		Overlay: or(e.Overlay, p.Manifests.Kustomize), History: e.History, Values: map[string]string{},
	}
	for _, name := range p.Required() {
		if value := getenv(or(e.Variables[name], name)); strings.TrimSpace(value) != "" {
			t.Values[name] = value
		}
	}
	if strings.TrimSpace(t.Kubeconfig) == "" {
		return Target{}, &UsageError{Message: "environment " + environment + " lacks " + variable, Advice: "export " + variable + ", the path of its kubeconfig"}
	}
	return t, isPath(t.Kubeconfig, environment)
}

// isPath refuses a kubeconfig that was given itself, and not its path, before
// anybody says that there is no such file, and names the keys in it.
func isPath(kubeconfig, environment string) error {
	if len(kubeconfig) < 1000 && !strings.ContainsAny(kubeconfig, "\n{") {
		return nil
	}
	return &UsageError{
		Message: "the variable for the kubeconfig of " + environment + " holds its text, and not its path",
		Advice:  "write it to a file that only you can read, and export the path of that",
	}
}

// sandbox reads the target from the file that `testenv up` writes.
func (p *Platform) sandbox(file string) (Target, error) {
	values, err := ReadEnvFile(file)
	if err != nil {
		return Target{}, err
	}
	t := Target{
		Platform:   p.Name,
		Sandbox:    true,
		Kubeconfig: values["KUBECONFIG"],
		Namespace:  or(values["SLIPWAY_NAMESPACE"], p.Name),
		Overlay:    p.Manifests.Kustomize,
		Values:     map[string]string{},
	}
	// Never the platform's own registry: the sandbox must not publish anything.
	t.Registry = values["SLIPWAY_REGISTRY"]
	if t.Registry != "" && !strings.HasSuffix(t.Registry, "/"+p.Name) {
		t.Registry += "/" + p.Name
	}
	var missing []string
	for _, key := range []string{"KUBECONFIG", "SLIPWAY_REGISTRY"} {
		if values[key] == "" {
			missing = append(missing, key)
		}
	}
	if len(missing) > 0 {
		return Target{}, &InfrastructureError{Message: "the sandbox's " + file + " lacks " + strings.Join(missing, ", "), Advice: "`go run ./testenv up` writes it again"}
	}
	// What the sandbox does not know stays out: deploy's check names each of them.
	for _, name := range p.Required() {
		if value, ok := values[name]; ok {
			t.Values[name] = value
		}
	}
	return t, nil
}

func unknownEnvironment(name string, known []string) error {
	err := &UsageError{Message: "unknown environment " + quote(name), Advice: "slipway.yaml has no environments; without --env the sandbox is used"}
	if len(known) > 0 {
		err.Advice = hintFor(name, known, "slipway.yaml has "+strings.Join(known, ", ")+"; without --env the sandbox is used")
	}
	return err
}

// expand replaces $NAME and ${NAME}.
func expand(s string, lookup func(string) string) string {
	return expansionPattern.ReplaceAllStringFunc(s, func(name string) string {
		return lookup(strings.Trim(name, "${}"))
	})
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func these(names []string) string {
	if len(names) == 1 {
		return "it"
	}
	return "them"
}

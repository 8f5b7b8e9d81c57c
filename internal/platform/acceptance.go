package platform

// Acceptance is how an environment is tried from outside once it was released: commands that take longer than flows, or need the workspace's own tools.
type Acceptance struct {
	// Run is the command, such as pnpm test:e2e, given to sh -c in the root of the workspace.
	Run string `yaml:"run"`
	// Env sets variables, which are not secret, such as the address of the environment.
	Env map[string]string `yaml:"env,omitempty"`
	// Secrets names variables of the shell that it gets, such as the password of a user who only tries things out. The environment's own it does not get.
	Secrets []string `yaml:"secrets,omitempty"`
	// Timeout as in 10m. Default: --timeout.
	Timeout Duration `yaml:"timeout,omitempty"`
}

func validateAcceptance(at string, a *Acceptance, d *document) {
	if a == nil {
		return
	}
	d.required(at, "run", "a command such as pnpm test:e2e")
	for _, name := range sortedKeys(a.Env) {
		if message := badVariable(name); message != "" {
			d.reportKey(join(join(at, "env"), name), message, "")
		}
	}
	for i, name := range a.Secrets {
		d.text(item(join(at, "secrets"), i), name, badVariable)
	}
}

package platform

// Flow is what a user does, step by step, through the platform.
type Flow struct {
	// Name of the flow.
	Name string `yaml:"name"`
	// Service the requests go to. Default: the first one in order.
	Service string `yaml:"service,omitempty"`
	// Steps, one after the other.
	Steps []FlowStep `yaml:"steps"`
}

// FlowStep is one request of a flow, and what must come back.
type FlowStep struct {
	// Name shown when it fails. Default: method and path.
	Name string `yaml:"name,omitempty"`
	// Method. Default: GET, or POST where there is a body.
	Method string `yaml:"method,omitempty"`
	// Path of the request; ${variable} is replaced by what an earlier step captured, or by the unique ${run}.
	Path string `yaml:"path"`
	// Headers of the request. ${variable} works here too.
	Headers map[string]string `yaml:"headers,omitempty"`
	// Body sent as JSON. ${variable} works in its strings.
	Body any `yaml:"body,omitempty"`
	// Status expected. Default: 200.
	Status int `yaml:"status,omitempty"`
	// Expect maps a path in the answer, such as user.id or items.0.name, to the value it must have.
	Expect map[string]any `yaml:"expect,omitempty"`
	// Capture maps a variable to the path of its value in the answer.
	Capture map[string]string `yaml:"capture,omitempty"`
	// Within is how long the step is tried again until it holds, for what becomes true later. Default: once.
	Within Duration `yaml:"within,omitempty"`
	// Times the step is asked, one after the other; each must hold. Default: 1.
	Times int `yaml:"times,omitempty"`
	// AtMost that the answer may take; with times, half of the answers may be slower. Default: ten seconds, for each.
	AtMost Duration `yaml:"atMost,omitempty"`
}

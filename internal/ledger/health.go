package ledger

// Health is how an environment was before a release wrote anything: what was wrong
// already and is not touched is no reason to take the release back.
type Health struct {
	// Services that were not healthy, or asked for no pods; those that are not here were healthy.
	// Other workloads are among them, as Kind/namespace/name.
	Services []Condition `json:"services,omitempty"`
	// Flows that failed. They are only walked where a service was not healthy.
	Flows []Condition `json:"flows,omitempty"`
}

// Condition says of a service or a flow why it was not as it should be.
type Condition struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
	// Idle says that it asked for no pods, which is nothing bad.
	Idle bool `json:"idle,omitempty"`
}

package platform

// UsageError is a mistake in what Slipway was asked or given. Nothing was done.
type UsageError struct {
	Message string
	Advice  string // what to do about it
}

func (e *UsageError) Error() string { return e.Message }

// Hint says what to do about it.
func (e *UsageError) Hint() string { return e.Advice }

// Usage tells that what was given to Slipway is wrong, not what it found.
func (e *UsageError) Usage() bool { return true }

// InfrastructureError is something outside the platform that does not work or
// is not there. Nothing is known about the platform itself.
type InfrastructureError struct {
	Message string
	Advice  string // what to do about it
}

func (e *InfrastructureError) Error() string { return e.Message }

// Hint says what to do about it.
func (e *InfrastructureError) Hint() string { return e.Advice }

// Infrastructure tells whether the surroundings failed, not the platform.
func (e *InfrastructureError) Infrastructure() bool { return true }

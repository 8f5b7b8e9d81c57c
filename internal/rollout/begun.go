package rollout

// begunError is an error of a run that had begun to write. What would be wrong use
// before, such as an object that is being deleted, is a failure then.
type begunError struct{ error }

func begun(err error) error {
	if err == nil {
		return nil
	}
	return begunError{err}
}

// Usage marks that something was begun.
func (begunError) Usage() bool { return false }

func (e begunError) Unwrap() error { return e.error }

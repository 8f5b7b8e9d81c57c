package rollout

import "fmt"

// KeptError says that an object would have to be deleted, and that a mark on it
// forbids that.
type KeptError struct{ Object, Mark string }

func (e *KeptError) Error() string {
	return fmt.Sprintf("%s cannot be changed and would be deleted and made again, which %s forbids", e.Object, e.Mark)
}

// Hint says what to do about it.
func (e *KeptError) Hint() string {
	return "give the new one another name, or take the annotation off the one in the cluster"
}

package release

// hiddenError is an error in whose text secrets are left out.
type hiddenError struct {
	text string
	err  error
}

func (e *hiddenError) Error() string { return e.text }

// Unwrap returns the error, for who asks for its facts.
func (e *hiddenError) Unwrap() error { return e.err }

// hide leaves secrets out of an error's text. One without any stays what it is.
func hide(err error, redact func(string) string) error {
	if err == nil || redact == nil {
		return err
	}
	if text := redact(err.Error()); text != err.Error() {
		return &hiddenError{text, err}
	}
	return err
}

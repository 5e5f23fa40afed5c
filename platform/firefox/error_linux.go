package firefox

// problem is what was tried, on what, why it failed and what a person can do.
type problem struct {
	what   string
	err    error
	remedy string
}

func (e *problem) Error() string { return e.what + ": " + e.err.Error() }
func (e *problem) Unwrap() error { return e.err }

// Remedy says what a person can do.
func (e *problem) Remedy() string { return e.remedy }

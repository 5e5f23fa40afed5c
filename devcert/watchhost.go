package devcert

import "context"

// Spot is something on the machine whose change may mean that trust is lost.
type Spot struct {
	// Path is an absolute path, of what need not exist yet.
	Path string
	// Folder says that each entry of it matters; else it is one file.
	Folder bool
	// Key says that Path is of Windows' registry, HKCU\… or HKLM\…, with all
	// below it.
	Key bool
}

// Spotter is a part of the host that knows where what it looks at is kept. It
// changes nothing and asks no other program.
type Spotter interface {
	Spots() []Spot
}

// Forgetter is a part of the host that goes for a moment by what it saw last.
type Forgetter interface {
	// Forget has the next look see for itself.
	Forget()
}

// Watcher tells when something changes at spots. It changes nothing itself.
type Watcher interface {
	// Cover makes spots those that are watched, whatever was before. weak says in a
	// line which of them can only be compared every minute, and why; "" for none.
	Cover(spots []Spot) (weak string)
	// Changed gets a value after changes. One stands for as many as there were.
	Changed() <-chan struct{}
	// Close ends the watch, and waits until it has ended.
	Close()
}

// Hook is a program of the user's that is started with what a watch has found.
type Hook struct {
	Command []string // the absolute path of a program, and its arguments
	Env     []string // added to what every program gets
	Input   []byte   // on its standard input
}

// Teller reaches the user beyond a terminal. Both end with ctx, and leave no
// process behind.
type Teller interface {
	// Notify shows a notice on the user's screen; ErrUnsupported where there is
	// none, or nothing that shows it.
	Notify(ctx context.Context, title, text string) error
	// Start runs a hook to its end.
	Start(ctx context.Context, h Hook) error
}

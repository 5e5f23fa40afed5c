package devcert

import "context"

// ServeService is the name of the service that serves the bound ports.
const ServeService = "serve"

// WatchService is the name of the service that watches whether trust is lost.
const WatchService = "watch"

// Service is a devcert that the system itself starts for this user: at login, and
// again after a failure.
type Service struct {
	// Name tells it from devcert's other services, in lower-case letters: "serve".
	Name string
	// About says in a few words what it does, for those who list their services.
	About string
	// Program is the absolute path of devcert.
	Program string
	// Args are devcert's, beginning with the command.
	Args []string
	// Home is the state folder that it is to use; "" means the one it finds by
	// itself. One with a folder of its own is another service.
	Home string
}

// ServiceStanding is what is in a service's place.
type ServiceStanding string

// The standings. Unknown is said when the look itself failed: it never means
// absent.
const (
	ServiceAbsent   ServiceStanding = "absent"
	ServiceStarts   ServiceStanding = "starts"   // there, and the system starts it
	ServiceDisabled ServiceStanding = "disabled" // there, and the system does not start it
	ServiceForeign  ServiceStanding = "foreign"  // something that devcert did not make
	ServiceUnknown  ServiceStanding = "unknown"
)

// Running says whether a service runs now.
type Running string

// The answers. The zero value says that nobody could be asked: the system keeps no
// services for a user who is not logged in.
const (
	RunsUnknown Running = ""
	Runs        Running = "yes"
	RunsNot     Running = "no"
)

// ServiceState is what was seen of a service.
type ServiceState struct {
	Standing ServiceStanding
	// Where a person can look for it: a file, or a task's name.
	Where string
	// Service is what is there, as far as it could be read; without About.
	Service Service
	Running Running
	// Broken is why it cannot be started, in a line; "" when it can, as far as can
	// be seen.
	Broken string
	// Evidence is what was seen, in one line, where that is not that it runs.
	Evidence string
	// Log is the command that shows what it said; "" where there is none.
	Log string
}

// Services is where the system keeps a user's services. Implementations change
// nothing that devcert did not make.
type Services interface {
	// Look says how the service of this name and state folder stands. It changes
	// nothing.
	Look(ctx context.Context, name, home string) ServiceState
	// Install makes the system start s from now on, and starts it, anew where it
	// runs as something else. A [NotStartedError] says that only the start is
	// lacking; what devcert did not make is never replaced.
	Install(ctx context.Context, s Service) error
	// Remove stops the service and removes what Install made. One that is not there
	// is no error.
	Remove(ctx context.Context, name, home string) error
}

// NotStartedError says that a service is installed and does not run yet.
type NotStartedError struct {
	Why  string // in a line
	Hint string // what starts it; may be empty
}

func (e *NotStartedError) Error() string { return "it is installed, and not started: " + e.Why }

// Remedy says what a person can do.
func (e *NotStartedError) Remedy() string { return e.Hint }

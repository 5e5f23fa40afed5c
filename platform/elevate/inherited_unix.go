//go:build linux || darwin

package elevate

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// channelVariable announces to the user's half of a split program that its
// descriptors 3 and 4 lead to the privileged half.
//
// A plain user who sets it by hand gains nothing: it names descriptors of the
// user's own process and gives no right to anything. At their other end is then
// whatever that user put there, with that user's rights; the worst it can do is
// to claim that something was done, and the look that follows every change does
// not believe it. Root never reads the variable.
const channelVariable = "DEVCERT_PRIVILEGED_FD"

const channelValue = "3,4"

// announced says whether the environment announces a channel.
func announced(env []string) ([2]int, bool) {
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		if name == channelVariable && value == channelValue {
			return [2]int{3, 4}, true
		}
	}
	return [2]int{}, false
}

// UnderSudo says whether this process is the user's half of a program that was
// started through sudo.
func UnderSudo(env []string) bool {
	_, ok := announced(env)
	return ok
}

// Guard keeps the processes we start from inheriting the channel. It is called
// before anything is started.
func Guard(env []string) {
	if fds, ok := announced(env); ok {
		for _, fd := range fds {
			syscall.CloseOnExec(fd)
		}
	}
}

// inherited connects to the privileged half through the descriptors that the
// split left open: responses come from the first, requests go to the second.
func inherited(ctx context.Context, fds [2]int) (*link, error) {
	for _, fd := range fds {
		var stat syscall.Stat_t
		if err := syscall.Fstat(fd, &stat); err != nil {
			return nil, fmt.Errorf("use the channel of %s, descriptor %d: %w", channelVariable, fd, err)
		}
		if stat.Mode&syscall.S_IFMT != syscall.S_IFIFO {
			return nil, fmt.Errorf("use the channel of %s: descriptor %d is not a pipe", channelVariable, fd)
		}
		if err := syscall.SetNonblock(fd, true); err != nil { // so that reads can be given up
			return nil, fmt.Errorf("use the channel of %s: %w", channelVariable, err)
		}
	}
	l := &link{out: os.NewFile(uintptr(fds[0]), "responses"), in: os.NewFile(uintptr(fds[1]), "requests")}
	ctx, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	if err := l.greet(ctx); err != nil {
		l.close()
		return nil, fmt.Errorf("greet the privileged child: %w", err)
	}
	return l, nil
}

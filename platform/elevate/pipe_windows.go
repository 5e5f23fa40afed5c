package elevate

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"devcert/devcert/lazy"
)

// pipeName is the shape of a pipe's name. The folder of pipes is put before it
// here, so that it can lead nowhere else, and to no other machine.
var pipeName = lazy.Regexp(`^devcert-[0-9a-f]{32}$`)

const pipeFolder = `\\.\pipe\`

// listener is a pipe that waits for the one client it will ever have.
type listener struct {
	name   string
	handle windows.Handle
}

// listen makes a pipe for the user of this process, whose elevated account may
// be another administrator's.
func listen() (*listener, error) {
	l, err := newListener()
	if err != nil {
		return nil, fmt.Errorf("make a pipe for the privileged child: %w", err)
	}
	return l, nil
}

func newListener() (*listener, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, err
	}
	sddl := fmt.Sprintf("D:P(A;;FRFW;;;SY)(A;;FRFW;;;BA)(A;;FRFW;;;%s)", user.User.Sid)
	security, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return nil, err
	}
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	name := "devcert-" + hex.EncodeToString(random[:])
	path, err := windows.UTF16PtrFromString(pipeFolder + name)
	if err != nil {
		return nil, err
	}
	attributes := windows.SecurityAttributes{SecurityDescriptor: security}
	attributes.Length = uint32(unsafe.Sizeof(attributes))
	handle, err := windows.CreateNamedPipe(path,
		windows.PIPE_ACCESS_DUPLEX|windows.FILE_FLAG_FIRST_PIPE_INSTANCE|windows.FILE_FLAG_OVERLAPPED,
		windows.PIPE_TYPE_BYTE|windows.PIPE_READMODE_BYTE|windows.PIPE_WAIT|windows.PIPE_REJECT_REMOTE_CLIENTS,
		1, maxFrame, maxFrame, 0, &attributes)
	if err != nil {
		return nil, err
	}
	return &listener{name, handle}, nil
}

func (l *listener) close() { _ = windows.CloseHandle(l.handle) }

// wait returns when somebody has connected, or when ctx or the process that is
// to connect has ended.
func (l *listener) wait(ctx context.Context, ended <-chan error) error {
	event, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(event) //nolint:errcheck // of no more use
	overlapped := &windows.Overlapped{HEvent: event}
	err = windows.ConnectNamedPipe(l.handle, overlapped)
	if err == nil || errors.Is(err, windows.ERROR_PIPE_CONNECTED) {
		return nil
	}
	if !errors.Is(err, windows.ERROR_IO_PENDING) {
		return err
	}
	connected := make(chan error, 1)
	go func() {
		var none uint32
		connected <- windows.GetOverlappedResult(l.handle, overlapped, &none, true)
	}()
	select {
	case err = <-connected:
		return err
	case <-ctx.Done():
		err = context.Cause(ctx)
	case err = <-ended:
		if err == nil {
			err = errors.New("it ended at once")
		}
	}
	_ = windows.CancelIoEx(l.handle, overlapped)
	<-connected //nolint:errcheck // Windows writes into overlapped until then
	return err
}

// accept waits for the process that is to connect, and makes sure that it was
// this one.
func (l *listener) accept(ctx context.Context, c child) (*link, error) {
	if err := l.wait(ctx, c.ended); err != nil {
		l.close()
		return nil, err
	}
	var client uint32
	err := windows.GetNamedPipeClientProcessId(l.handle, &client)
	if err == nil && client != c.id {
		err = fmt.Errorf("process %d connected in place of the privileged child, process %d", client, c.id)
	}
	if err != nil {
		l.close()
		return nil, err
	}
	file := os.NewFile(uintptr(l.handle), l.name)
	made := &link{in: requestsTo{file}, out: pipe{file}, ended: c.ended}
	if err := made.greet(ctx); err != nil {
		file.Close()
		return nil, err
	}
	return made, nil
}

// pipe is one side of a pipe. That the other side is gone is its end.
type pipe struct{ *os.File }

func (p pipe) Read(b []byte) (int, error) {
	n, err := p.File.Read(b)
	if errors.Is(err, windows.ERROR_BROKEN_PIPE) || errors.Is(err, windows.ERROR_PIPE_NOT_CONNECTED) {
		err = io.EOF
	}
	return n, err
}

// requestsTo is the way in which requests go. Closing it leaves the way back
// open: the answer to the last one is still to come.
type requestsTo struct{ file *os.File }

func (r requestsTo) Write(b []byte) (int, error) { return r.file.Write(b) }

func (r requestsTo) Close() error {
	_ = r.file.SetWriteDeadline(time.Now().Add(unsaid)) // a child that does not read is not waited for
	_, err := r.file.Write(make([]byte, 4))
	return err
}

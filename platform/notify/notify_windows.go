package notify

import (
	"context"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"

	"devcert/devcert"
)

var sendMessage = windows.NewLazySystemDLL("wtsapi32.dll").NewProc("WTSSendMessageW")

const (
	mbIconWarning   = 0x30
	noticeSeconds   = 60
	currentServer   = 0
	withoutAnAnswer = 0
)

// Notify shows a message in the user's session, which closes by itself: a toast
// would take a program that is registered for them. Nobody waits for the answer.
func (t *Teller) Notify(_ context.Context, title, text string) error {
	var session uint32
	if err := windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &session); err != nil {
		return fmt.Errorf("show a notice: %w", err)
	}
	if session == 0 { // that of services: there is no screen
		return fmt.Errorf("show a notice: %w: this process belongs to no session with a screen", devcert.ErrUnsupported)
	}
	if err := sendMessage.Find(); err != nil {
		return fmt.Errorf("show a notice: %w: %w", devcert.ErrUnsupported, err)
	}
	head, err := windows.UTF16FromString("devcert: " + title)
	if err != nil {
		return err
	}
	body, err := windows.UTF16FromString(text)
	if err != nil {
		return err
	}
	var answer uint32
	done, _, err := sendMessage.Call(currentServer, uintptr(session),
		uintptr(unsafe.Pointer(&head[0])), uintptr(2*(len(head)-1)), uintptr(unsafe.Pointer(&body[0])), uintptr(2*(len(body)-1)),
		mbIconWarning, noticeSeconds, uintptr(unsafe.Pointer(&answer)), withoutAnAnswer)
	if done == 0 {
		return fmt.Errorf("show a notice: %w", err)
	}
	return nil
}

package notify

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"devcert/devcert"
	"devcert/platform/run"
)

// Notify asks the desktop of the user's session to show a notice, with notify-send.
func (t *Teller) Notify(ctx context.Context, title, text string) error {
	find := t.find
	if find == nil {
		find = run.Finder{}.Find
	}
	path, err := find("notify-send")
	if err != nil {
		return fmt.Errorf("%w: %w", devcert.ErrUnsupported, err)
	}
	bus := t.bus()
	if bus == "" {
		return fmt.Errorf("%w: this process belongs to no session of a desktop", devcert.ErrUnsupported)
	}
	env := append(run.Environment(), "DBUS_SESSION_BUS_ADDRESS="+bus)
	if home := t.lookup("HOME"); home != "" {
		env = append(env, "HOME="+home)
	}
	args := []string{"--app-name=devcert", "--icon=security-low", "--", title, markup.Replace(text)}
	_, err = run.Command{Path: path, Args: args, Env: env}.Run(ctx)
	return err
}

// markup makes of text what a desktop shows as that text: it takes it for a kind of
// HTML (Desktop Notifications Specification, "Markup").
var markup = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// bus is where the user's session listens: what the environment says, which sudo
// and services may not have, else where systemd makes it. It is "" when that is
// another user's.
func (t *Teller) bus() string {
	if bus := t.lookup("DBUS_SESSION_BUS_ADDRESS"); bus != "" {
		return bus
	}
	for _, dir := range []string{t.lookup("XDG_RUNTIME_DIR"), "/run/user/" + strconv.Itoa(os.Geteuid())} {
		socket := filepath.Join(dir, "bus")
		info, err := os.Stat(socket)
		if !filepath.IsAbs(dir) || err != nil || strings.ContainsAny(socket, ",;%") {
			continue
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) == os.Geteuid() {
			return "unix:path=" + socket
		}
	}
	return ""
}

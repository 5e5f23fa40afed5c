package service

import (
	"context"
	"path/filepath"

	"golang.org/x/sys/windows"

	"devcert/devcert"
	"devcert/platform/run"
)

// New gives the services of the user that this process runs as.
func New(Options) devcert.Services {
	m := &scheduler{settle: settling}
	system, err := windows.GetSystemDirectory()
	if err != nil {
		m.missing = err
		return m
	}
	m.folder = filepath.Join(system, "Tasks")
	m.tool = func(ctx context.Context, args ...string) ([]byte, error) {
		return run.Command{Path: filepath.Join(system, "schtasks.exe"), Args: args}.Run(ctx)
	}
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		m.missing = err
		return m
	}
	m.sid = user.User.Sid.String()
	return m
}

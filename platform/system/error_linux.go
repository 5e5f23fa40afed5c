package system

import (
	"errors"
	"path/filepath"
	"strings"

	"devcert/platform/run"
)

// throughError is what became of a change of path by truststore. The tool was run
// through env, which is not for showing.
func (c *change) throughError(path string, err error) error {
	var ran *run.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &ran): // it could not be prepared
		return failed("change "+path, c.work(), err)
	case ran.Command[0] != c.command[0]: // tee or rm
		return failed("change "+path, c.anchors, err)
	}
	tool := append([]string{c.tool}, c.args...)
	shown := &run.Error{Command: tool, Output: ran.Output, Said: ran.Said, Err: ran.Err}
	remedy, known := roomFor(filepath.Dir(c.bundle)+" and /tmp", shown)
	if !known {
		remedy = "run " + strings.Join(tool, " ") + " by hand as root and see what it says"
	}
	return &changeError{"rebuild " + c.bundle, shown, remedy}
}

package nss

import "errors"

// failedKey is the error of what was tried on the keys of the database in dir; nil
// where err is. A database with a password is a person's to change: by certutil
// with these options, or where there are none by pk12util.
func failedKey(what, dir, options string, err error) error {
	var said *problem
	var none *noToolsError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &said):
		return err
	case errors.As(err, &none):
		return &problem{what, none.Remedy(), err}
	case !wantsPassword(err):
		return failed(what, dir, err)
	}
	by := "certutil -d " + Quote("sql:"+dir) + " " + options
	if options == "" {
		by = "pk12util -d " + Quote("sql:"+dir) + " -i FILE.pfx"
	}
	return &problem{what, "do it by hand, with the tool that asks for the password: " + by, err}
}

// Package nss has Chromium, Chrome and the browsers made from them trust a root
// on Linux: by certutil in every NSS database of the user, and where there is no
// certutil by a policy file of the browser, which an administrator's rights are
// needed for.
//
// It matches certificates by their bytes, never replaces a database or a file
// that it cannot read, and makes a database only where a browser would make one.
package nss

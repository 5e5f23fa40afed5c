package disk

import "os"

// Files is what the state folder needs of the operating system: private files,
// by mode or by access list. The platform injects it.
type Files interface {
	// MakeDir creates one folder that only its owner can enter. The parent
	// must exist; an existing folder is an error that satisfies os.ErrExist.
	MakeDir(path string) error
	// Create creates a file for writing that only its owner can read, failing
	// with os.ErrExist if anything (a symbolic link too) has that name. The file
	// is private from its first instant.
	Create(path string) (*os.File, error)
	// Exposed says who besides the owner may read or replace the file or folder
	// at path, in a few words for a person ("mode 0644: everyone may read it");
	// "" when nobody may. It follows no symbolic link at path's end: a link
	// is exposed.
	Exposed(path string) (string, error)
	// MakePrivate takes those rights away.
	MakePrivate(path string) error
	// Replaceable says who besides its owner may put something else in the place
	// of what is in the folder at path, in a few words for a person; "" where
	// nobody may, and where everyone may write but only move what is his own (the
	// sticky bit). It follows symbolic links.
	Replaceable(path string) (string, error)
	// HasOtherName says whether the open file has another name (a hard link):
	// what is written to it would then stand there too.
	HasOtherName(f *os.File) bool
	// Rename is os.Rename, which on Windows waits a moment for those who have the
	// file open: a reader is no reason to fail.
	Rename(from, to string) error
	// Sync returns when the bytes of all these files, which were just written, will
	// outlast a power failure.
	Sync(files []*os.File) error
	// SyncDir makes the names in a folder durable. Where the system has no such
	// call it does nothing.
	SyncDir(path string) error
}

package service

import "io/fs"

// executable has nothing to look at: Windows goes by the name's ending.
func executable(fs.FileInfo) bool { return true }

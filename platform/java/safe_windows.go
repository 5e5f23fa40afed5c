package java

import (
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/windows"

	"devcert/platform/securefile"
)

// asAdmin is empty: Windows asks by itself, in a window of the administrator's.
const asAdmin = ""

// maxTree is how many files a Java may have.
const maxTree = 200_000

// safeTree says why not only administrators could have changed some part of the
// Java at folder, which is to be started elevated. It has to be among the programs
// of the machine: folders elsewhere let users make files in what is above.
func (m Machine) safeTree(folder string) error {
	if err := m.safeAbove(folder); err != nil {
		return err
	}
	files := 0
	return filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if files++; files > maxTree {
			return fmt.Errorf("%s has more than %d files", folder, maxTree)
		}
		if err != nil {
			return err
		}
		return safeOne(path)
	})
}

// safeFile says why not only administrators could change or replace a file.
func (m Machine) safeFile(path string) error {
	if err := safeOne(path); err != nil {
		return err
	}
	return m.safeAbove(path)
}

// safeAbove looks at the folders between path and that of the machine's programs,
// which is the system's and stays as it is.
func (m Machine) safeAbove(path string) error {
	top := ""
	for _, folder := range m.programFolders() {
		if below(path, folder) {
			top = folder
		}
	}
	if top == "" {
		return fmt.Errorf("%s is not in a folder of the machine's programs", path)
	}
	for folder := filepath.Dir(path); below(folder, top); folder = filepath.Dir(folder) {
		if err := safeOne(folder); err != nil {
			return err
		}
	}
	return nil
}

// programFolders are asked of Windows: variables belong to whoever set them.
func (m Machine) programFolders() []string {
	if m.Root != "" {
		return []string{m.Root}
	}
	var folders []string
	for _, id := range []*windows.KNOWNFOLDERID{
		windows.FOLDERID_ProgramFiles, windows.FOLDERID_ProgramFilesX64, windows.FOLDERID_ProgramFilesX86,
	} {
		if folder, err := windows.KnownFolderPath(id, 0); err == nil && filepath.IsAbs(folder) {
			folders = append(folders, folder)
		}
	}
	return folders
}

func safeOne(path string) error {
	why, err := securefile.Machine{}.Exposed(path)
	if err == nil && why != "" {
		err = &exposedError{path, "administrators"}
	}
	return err
}

// Universal puts the programs inside a universal binary for macOS in one order,
// that of their processors. GoReleaser puts them in the order in which their builds
// came to an end, so that the same commit gives this file or that, by chance.
//
//	universal FILE…      writes each anew; its mode and time stay
package main

import (
	"bytes"
	"cmp"
	"debug/macho"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
)

// alignBits is where a program may begin within the file: arm64 has pages of
// 16 KiB, and smaller pages fit in those.
const alignBits = 14

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: universal FILE…")
		os.Exit(2)
	}
	for _, name := range os.Args[1:] {
		if err := rewrite(name); err != nil {
			fmt.Fprintf(os.Stderr, "universal: %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

func rewrite(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	before, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	after, err := inOrder(before)
	if err != nil {
		return err
	}
	if !bytes.Equal(before, after) {
		if err := os.WriteFile(name, after, info.Mode()); err != nil {
			return err
		}
	}
	return os.Chtimes(name, info.ModTime(), info.ModTime())
}

// inOrder is the universal binary with the same programs, the one for the lowest
// number of a processor first: amd64, then arm64.
func inOrder(file []byte) ([]byte, error) {
	fat, err := macho.NewFatFile(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("this is no universal binary: %w", err)
	}
	programs := fat.Arches
	for _, p := range programs {
		if uint64(p.Offset)+uint64(p.Size) > uint64(len(file)) {
			return nil, fmt.Errorf("the program for %s goes beyond the end of the file", p.Cpu)
		}
	}
	slices.SortFunc(programs, func(a, b macho.FatArch) int {
		return cmp.Or(cmp.Compare(a.Cpu, b.Cpu), cmp.Compare(a.SubCpu, b.SubCpu))
	})
	// The header is big-endian, whatever the programs are.
	out := binary.BigEndian.AppendUint32(nil, macho.MagicFat)
	out = binary.BigEndian.AppendUint32(out, uint32(len(programs)))
	offset := aligned(len(out) + 20*len(programs))
	for _, p := range programs {
		for _, word := range []uint32{uint32(p.Cpu), p.SubCpu, uint32(offset), p.Size, alignBits} {
			out = binary.BigEndian.AppendUint32(out, word)
		}
		offset = aligned(offset + int(p.Size))
	}
	for _, p := range programs {
		out = append(out, make([]byte, aligned(len(out))-len(out))...)
		out = append(out, file[p.Offset:p.Offset+p.Size]...)
	}
	return out, nil
}

func aligned(offset int) int {
	return (offset + 1<<alignBits - 1) >> alignBits << alignBits
}

package main

import (
	"bytes"
	"debug/macho"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// program is the least that is a Mach-O program for a processor, and some bytes.
func program(cpu macho.Cpu, body string) []byte {
	var out []byte
	for _, word := range []uint32{macho.Magic64, uint32(cpu), 3, uint32(macho.TypeExec), 0, 0, 0, 0} {
		out = binary.LittleEndian.AppendUint32(out, word)
	}
	return append(out, body...)
}

// universal is a universal binary with the programs as they come, closer to each
// other than they may be.
func universal(programs ...[]byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, macho.MagicFat)
	out = binary.BigEndian.AppendUint32(out, uint32(len(programs)))
	offset := 8 + 20*len(programs)
	for _, p := range programs {
		cpu, subcpu := binary.LittleEndian.Uint32(p[4:]), binary.LittleEndian.Uint32(p[8:])
		for _, word := range []uint32{cpu, subcpu, uint32(offset), uint32(len(p)), 0} {
			out = binary.BigEndian.AppendUint32(out, word)
		}
		offset += len(p)
	}
	return append(out, bytes.Join(programs, nil)...)
}

func TestInOrder(t *testing.T) {
	amd64 := program(macho.CpuAmd64, "for Intel")
	arm64 := program(macho.CpuArm64, "for Apple, and longer")
	first, err := inOrder(universal(amd64, arm64))
	if err != nil {
		t.Fatal(err)
	}
	second, err := inOrder(universal(arm64, amd64))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the order in which the programs came still shows")
	}
	again, err := inOrder(first)
	if err != nil || !bytes.Equal(again, first) {
		t.Errorf("what is in order already changes (%v)", err)
	}
	fat, err := macho.NewFatFile(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]byte{amd64, arm64} {
		arch := fat.Arches[i]
		if arch.Offset%(1<<alignBits) != 0 {
			t.Errorf("%s begins at %d, not on a page", arch.Cpu, arch.Offset)
		}
		if got := first[arch.Offset : arch.Offset+arch.Size]; !bytes.Equal(got, want) {
			t.Errorf("%s: % x, want % x", arch.Cpu, got, want)
		}
	}
}

func TestInOrderRefuses(t *testing.T) {
	whole := universal(program(macho.CpuAmd64, ""), program(macho.CpuArm64, "some code"))
	for name, file := range map[string][]byte{
		"nothing":         {},
		"one program":     program(macho.CpuAmd64, ""),
		"a cut header":    whole[:20],
		"a cut program":   whole[:len(whole)-20],
		"a byte too few":  whole[:len(whole)-1],
		"another program": []byte("\x7fELF and more than a header would need, to be sure"),
	} {
		if out, err := inOrder(file); err == nil {
			t.Errorf("%s was taken for a universal binary: % x", name, out)
		}
	}
}

func TestRewriteKeepsModeAndTime(t *testing.T) {
	name := filepath.Join(t.TempDir(), "devcert")
	if err := os.WriteFile(name, universal(program(macho.CpuArm64, ""), program(macho.CpuAmd64, "")), 0o755); err != nil {
		t.Fatal(err)
	}
	when := time.Unix(1700000000, 0)
	if err := os.Chtimes(name, when, when); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := rewrite(name); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if !after.ModTime().Equal(when) || after.Mode() != before.Mode() || after.Size() == before.Size() {
		t.Errorf("%v %v %d bytes, was %v %v %d bytes", after.Mode(), after.ModTime(), after.Size(),
			before.Mode(), when, before.Size())
	}
}

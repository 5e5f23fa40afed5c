// Package winres is what Windows reads from the program's file before it runs:
// a manifest and a version. The manifest says that devcert runs with the rights
// it was started with (without it, Windows takes a program called setup or
// repair for an installer and asks for more), and that paths may be long. There
// is nothing to call: importing it links it in.
//
// The two objects are made from winres.json by go generate.
package winres

//go:generate go run github.com/tc-hib/go-winres@v0.3.3 make --in winres.json --arch amd64,arm64

// Package devcert decides what a developer's machine needs so that
// https://localhost is trusted there, and in which order to do it.
//
// Its words:
//
//   - root, intermediate, leaf: the certificates; the chain is leaf and
//     intermediate; a hierarchy is all of them with their keys; a generation
//     is one hierarchy on disk.
//   - trust store: where a client looks for roots. Personal store: where a
//     server looks for its own certificate and key.
//   - binding: port → certificate.
//   - observation: what is there now. Finding: wanted and observed differ.
//     Plan: the ordered steps that remove the findings. Ledger: what devcert
//     has put outside its own folder.
//
// One pipeline serves every command: observe, compare, plan, apply, observe
// again. What a command achieved is what the second observation says, never
// the exit status of a tool.
//
// The package promises to decide only: it starts no process, makes no system
// call and has no file for one operating system. What acts is a [Host].
package devcert

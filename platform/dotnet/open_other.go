//go:build !unix

package dotnet

const nonBlocking = 0

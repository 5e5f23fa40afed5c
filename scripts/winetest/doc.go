// Package winetest tells the story of a Windows machine with Visual Studio from
// one end to the other, with devcert.exe under Wine; scripts/test-wine runs it.
// Without what that script sets, its tests are skipped.
package winetest

// Package onboardtest proves what scripts/onboard.sh promises to whoever calls it,
// with a stand-in for devcert: which one it takes, what it makes of each answer,
// and that a download of other bytes leaves nothing. What the real devcert does
// with it on a real machine is told in scripts/systemtest.
package onboardtest

// Goclient asks for one URL, with the roots that a Go program has by default.
// Go reads them once per process, so the tests start it anew for every question.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	response, err := http.Get(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	response.Body.Close()
}

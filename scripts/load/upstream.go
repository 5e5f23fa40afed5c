package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// The answers of the application.
const (
	smallAnswer = 1 << 10
	largeAnswer = 100 << 10
)

// upstream is the application: it answers / with 1 KiB and /100k with 100 KiB,
// until ctx ends. It says where it listens once it does.
func upstream(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("upstream", flag.ContinueOnError)
	address := flags.String("listen", "127.0.0.1:0", "`ADDRESS` to listen on")
	if err := flags.Parse(args); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, listener.Addr())
	server := &http.Server{Handler: application(), ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func application() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", answer(smallAnswer))
	mux.Handle("GET /100k", answer(largeAnswer))
	return mux
}

// answer gives the same bytes always.
func answer(size int) http.Handler {
	body := bytes.Repeat([]byte("devcert "), size/8)
	length := []string{strconv.Itoa(size)}
	kind := []string{"application/octet-stream"}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Length"], w.Header()["Content-Type"] = length, kind
		_, _ = w.Write(body)
	})
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// keepAsking sends one request after the other on one connection.
func (t *target) keepAsking(ctx context.Context, tally *tally) error {
	conn, err := t.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	request, in := t.request(), bufio.NewReader(conn)
	for more := true; more && ctx.Err() == nil; {
		began := time.Now()
		if err := t.ask(conn, in, request); err != nil {
			return err
		}
		more = tally.note(began, time.Now())
	}
	return nil
}

// keepConnecting makes a connection for each request. It closes it itself: the
// server is to keep nothing of it.
func (t *target) keepConnecting(ctx context.Context, tally *tally) error {
	request, in := t.request(), bufio.NewReader(nil)
	for more := true; more && ctx.Err() == nil; {
		began := time.Now()
		conn, err := t.connect(ctx)
		if err != nil {
			return err
		}
		in.Reset(conn)
		err = t.ask(conn, in, request)
		more = tally.note(began, time.Now())
		_ = conn.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *target) request() []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n", t.url.RequestURI(), t.url.Host)
}

// ask sends a request and reads its answer.
func (t *target) ask(w io.Writer, in *bufio.Reader, request []byte) error {
	if _, err := w.Write(request); err != nil {
		return err
	}
	size, err := readHead(in)
	if err != nil {
		return err
	}
	if size != t.size {
		return fmt.Errorf("the answer has %d bytes, not %d", size, t.size)
	}
	_, err = in.Discard(int(size))
	return err
}

var (
	okStatus      = []byte("HTTP/1.1 200 ")
	contentLength = []byte("content-length:")
)

// readHead reads the status line and the headers, and returns the length of the
// body. An answer without one is refused: the application's have it, and no
// server has a reason to take it away.
func readHead(in *bufio.Reader) (size int64, err error) {
	size = -1
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(line, okStatus) {
		return 0, fmt.Errorf("the answer is %q", bytes.TrimSpace(line))
	}
	for {
		if line, err = in.ReadSlice('\n'); err != nil {
			return 0, err
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			break
		}
		if n := len(contentLength); len(line) > n && bytes.EqualFold(line[:n], contentLength) {
			if size, err = strconv.ParseInt(string(bytes.TrimSpace(line[n:])), 10, 64); err != nil {
				return 0, err
			}
		}
	}
	if size < 0 {
		return 0, errors.New("the answer does not say how long it is")
	}
	return size, nil
}

package elevate

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// maxFrame is the size limit of a frame in bytes. A request is at most a hundred
// ports, or a chain with an RSA key, some 10 KiB; a response carries the end of
// a tool's output.
const maxFrame = 64 << 10

// maxBody leaves room for the rest of a request's frame.
const maxBody = maxFrame - 1<<10

// greeting is what the child says first. Until then nothing is known to have
// become privileged: sudo may still be asking, or have refused.
type greeting struct {
	Protocol int    `json:"protocol"`
	Nonce    string `json:"nonce"` // random, binds requests to this start of the child
}

const protocol = 3

type request struct {
	Nonce string          `json:"nonce"`
	Seq   int             `json:"seq"`  // 1, 2, …: a request said twice is refused
	Do    string          `json:"do"`   // names a Handler
	Body  json.RawMessage `json:"body"` // is that Handler's to judge
	Wait  time.Duration   `json:"wait"` // for another devcert that has the store, in nanoseconds
}

type response struct {
	Seq     int      `json:"seq"`
	Waiting bool     `json:"waiting,omitempty"` // another devcert has the store; the answer will follow
	Error   string   `json:"error,omitempty"`   // "" means done
	Remedy  string   `json:"remedy,omitempty"`  // of the error
	Is      []string `json:"is,omitempty"`      // the sentinels that the error is
}

// writeFrame writes v as its length, four bytes big-endian, and its JSON.
func writeFrame(w io.Writer, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(body) > maxFrame {
		return fmt.Errorf("frame of %d bytes, at most %d", len(body), maxFrame)
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body))) //nolint:gosec // at most maxFrame
	_, err = w.Write(append(frame, body...))
	return err
}

// readFrame reads one frame into v. io.EOF means that the other side has closed
// the pipe between two frames, or has said that nothing follows by a length of
// zero, since a pipe that goes both ways cannot be closed one way. Every other
// error means that it broke the rules.
func readFrame(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size == 0 {
		return io.EOF
	}
	if size > maxFrame {
		return fmt.Errorf("frame of %d bytes, at most %d", size, maxFrame)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return fmt.Errorf("frame cut short: %w", errors.Join(err, io.ErrUnexpectedEOF))
	}
	return decode(body, v)
}

// decode is strict: no unknown field, nothing after the value.
func decode(body []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("frame: something follows the value")
	}
	return nil
}

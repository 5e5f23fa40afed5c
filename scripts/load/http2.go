package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// What is granted to the server (RFC 9113, section 6.9), so that it never waits
// for the client: about as much as browsers do.
const (
	streamWindow     = 6 << 20
	connectionWindow = 15 << 20
	refillAt         = connectionWindow / 2
)

// keepStreaming has as many requests under way on one connection as streams says:
// where one ends, the next begins. One goroutine does it all.
func (t *target) keepStreaming(ctx context.Context, tally *tally) error {
	conn, err := t.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	c := newStreams(t, conn)
	if err := c.start(); err != nil {
		return err
	}
	for more := true; more && ctx.Err() == nil; {
		if more, err = c.step(tally); err != nil {
			return err
		}
	}
	return nil
}

// streams are the requests of one connection.
type streams struct {
	*target
	in     *bufio.Reader
	out    *bufio.Writer
	framer *http2.Framer
	block  []byte // the header of every request: no entry of it changes the table
	next   uint32
	open   map[uint32]*stream
	taken  uint32 // bytes that were not granted again yet
}

// stream is one request that is under way.
type stream struct {
	began time.Time
	size  int64
	ok    bool // the answer has begun, with status 200
}

func newStreams(t *target, conn *tls.Conn) *streams {
	c := &streams{
		target: t, in: bufio.NewReaderSize(conn, 64<<10), out: bufio.NewWriterSize(conn, 16<<10),
		next: 1, open: map[uint32]*stream{},
	}
	c.framer = http2.NewFramer(c.out, c.in)
	c.framer.SetReuseFrames()
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.block = headerBlock([]hpack.HeaderField{
		{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "https"},
		{Name: ":authority", Value: t.url.Host}, {Name: ":path", Value: t.url.RequestURI()},
		{Name: "user-agent", Value: "load"}, {Name: "accept", Value: "*/*"},
	})
	return c
}

// headerBlock encodes without the table of what was sent before: what is marked
// as sensitive stays out of it (RFC 7541, section 6.2.3), and so the block is
// right for every request.
func headerBlock(fields []hpack.HeaderField) []byte {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range fields {
		field.Sensitive = true
		_ = encoder.WriteField(field) // to memory
	}
	return block.Bytes()
}

func (c *streams) start() error {
	if _, err := io.WriteString(c.out, http2.ClientPreface); err != nil {
		return err
	}
	if err := c.framer.WriteSettings(
		http2.Setting{ID: http2.SettingEnablePush, Val: 0},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: streamWindow},
	); err != nil {
		return err
	}
	if err := c.framer.WriteWindowUpdate(0, connectionWindow-65535); err != nil {
		return err
	}
	for range c.streams {
		if err := c.ask(&stream{}); err != nil {
			return err
		}
	}
	return nil
}

// ask begins a request. What it keeps of an earlier one is s alone.
func (c *streams) ask(s *stream) error {
	*s = stream{began: time.Now()}
	c.open[c.next] = s
	err := c.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: c.next, BlockFragment: c.block, EndStream: true, EndHeaders: true,
	})
	c.next += 2
	return err
}

// step takes one frame. What is to be sent goes out before it would wait for one.
func (c *streams) step(tally *tally) (more bool, err error) {
	if c.in.Buffered() == 0 {
		if err := c.out.Flush(); err != nil {
			return false, err
		}
	}
	frame, err := c.framer.ReadFrame()
	if err != nil {
		return false, err
	}
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			return true, c.framer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return true, c.framer.WritePing(true, f.Data)
		}
	case *http2.WindowUpdateFrame:
	case *http2.MetaHeadersFrame:
		return c.begun(f, tally)
	case *http2.DataFrame:
		return c.came(f, tally)
	default:
		return false, fmt.Errorf("the server sent %v", frame)
	}
	return true, nil
}

func (c *streams) begun(f *http2.MetaHeadersFrame, tally *tally) (more bool, err error) {
	s := c.open[f.StreamID]
	if s == nil {
		return false, fmt.Errorf("an answer on stream %d, where nothing was asked", f.StreamID)
	}
	if status := f.PseudoValue("status"); status != "" && status != "200" {
		return false, fmt.Errorf("the answer is %s", status)
	}
	s.ok = true
	if f.StreamEnded() {
		return c.ended(f.StreamID, s, tally)
	}
	return true, nil
}

func (c *streams) came(f *http2.DataFrame, tally *tally) (more bool, err error) {
	s := c.open[f.StreamID]
	if s == nil || !s.ok {
		return false, fmt.Errorf("data on stream %d, where no answer has begun", f.StreamID)
	}
	s.size += int64(len(f.Data()))
	if c.taken += f.Length; c.taken >= refillAt {
		if err := c.framer.WriteWindowUpdate(0, c.taken); err != nil {
			return false, err
		}
		c.taken = 0
	}
	if f.StreamEnded() {
		return c.ended(f.StreamID, s, tally)
	}
	return true, nil
}

// ended counts a request, and begins the next.
func (c *streams) ended(id uint32, s *stream, tally *tally) (more bool, err error) {
	if s.size != c.size {
		return false, fmt.Errorf("the answer has %d bytes, not %d", s.size, c.size)
	}
	delete(c.open, id)
	if !tally.note(s.began, time.Now()) {
		return false, nil
	}
	return true, c.ask(s)
}

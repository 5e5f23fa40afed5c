package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/url"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// The modes: one request after the other on each connection over HTTP/1.1; many
// at a time on few connections over HTTP/2; and a new connection for each.
const (
	modeRequests   = "requests"
	modeH2         = "h2"
	modeHandshakes = "handshakes"
)

// options are what a run is to do.
type options struct {
	url     *url.URL
	ca      string
	mode    string
	conns   int // requests that are under way at any time
	streams int // of them, on one connection of HTTP/2
	length  time.Duration
	warm    time.Duration
	size    int64
}

// figures are what a run found. Latencies are of whole requests, in milliseconds,
// with connecting and the handshake where each request has its own.
type figures struct {
	Mode                string  `json:"mode"`
	RequestsPerSecond   float64 `json:"requestsPerSecond"`
	HandshakesPerSecond float64 `json:"handshakesPerSecond"`
	P50                 float64 `json:"p50"`
	P99                 float64 `json:"p99"`
	// All counts the requests while it was warming up too.
	All int `json:"all"`
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	debug.SetGCPercent(400) // the clients' garbage is not what is measured
	found, err := measure(ctx, o)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(found)
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	address := flags.String("url", "", "`URL` to get")
	flags.StringVar(&o.ca, "ca", "", "`FILE` with the root")
	flags.StringVar(&o.mode, "mode", modeRequests, "requests, h2 or handshakes")
	flags.IntVar(&o.conns, "conns", 50, "requests under way at any time")
	flags.IntVar(&o.streams, "streams", 10, "of them, on one connection with --mode h2")
	flags.DurationVar(&o.length, "for", 5*time.Second, "how long to measure")
	flags.DurationVar(&o.warm, "warm", 500*time.Millisecond, "how long to warm up before")
	flags.Int64Var(&o.size, "size", smallAnswer, "`BYTES` that each answer must have")
	if err = flags.Parse(args); err != nil {
		return o, err
	}
	if o.url, err = url.Parse(*address); err != nil {
		return o, err
	}
	switch {
	case o.url.Scheme != "https" || o.url.Hostname() != "localhost" || o.url.Port() == "":
		return o, fmt.Errorf("--url is to be https://localhost:PORT/…, not %q", *address)
	case o.conns < 1 || o.streams < 1 || o.mode == modeH2 && o.conns%o.streams != 0:
		return o, fmt.Errorf("%d requests at a time cannot be spread on connections with %d", o.conns, o.streams)
	}
	return o, nil
}

// worker has requests under way until ctx ends or the tally is full, and tells the
// tally of each.
type worker func(ctx context.Context, t *tally) error

// measure runs the workers side by side, each with a tally of its own.
func measure(ctx context.Context, o options) (figures, error) {
	t, err := newTarget(ctx, o)
	if err != nil {
		return figures{}, err
	}
	work, workers := worker(nil), o.conns
	switch o.mode {
	case modeRequests:
		work = t.keepAsking
	case modeHandshakes:
		work = t.keepConnecting
	case modeH2:
		work, workers = t.keepStreaming, o.conns/o.streams
	default:
		return figures{}, fmt.Errorf("unknown mode %q", o.mode)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	from := time.Now().Add(o.warm)
	tallies := make([]tally, workers)
	var wait sync.WaitGroup
	for i := range tallies {
		tallies[i] = tally{from: from, until: from.Add(o.length), took: make([]time.Duration, 0, 1<<16)}
		wait.Go(func() {
			if err := work(ctx, &tallies[i]); err != nil {
				cancel(err)
			}
		})
	}
	wait.Wait()
	if err := context.Cause(ctx); err != nil {
		return figures{}, err
	}
	return sum(o, tallies)
}

// tally has the requests of one worker.
type tally struct {
	from, until time.Time // what is measured begins and ends between them
	took        []time.Duration
	all         int
}

// note counts a request that has ended, and says whether there is time for more.
func (t *tally) note(began, ended time.Time) bool {
	t.all++
	if ended.After(t.until) {
		return false
	}
	if began.After(t.from) {
		t.took = append(t.took, ended.Sub(began))
	}
	return true
}

func sum(o options, tallies []tally) (figures, error) {
	f := figures{Mode: o.mode}
	var took []time.Duration
	for _, t := range tallies {
		took = append(took, t.took...)
		f.All += t.all
	}
	if len(took) == 0 {
		return f, fmt.Errorf("no request ended within %v", o.length)
	}
	slices.Sort(took)
	f.RequestsPerSecond = float64(len(took)) / o.length.Seconds()
	if o.mode == modeHandshakes {
		f.HandshakesPerSecond = f.RequestsPerSecond
	}
	f.P50, f.P99 = percentile(took, 50), percentile(took, 99)
	return f, nil
}

// percentile is the smallest of sorted that p percent are not above, in
// milliseconds (the nearest-rank method).
func percentile(sorted []time.Duration, p int) float64 {
	rank := max((len(sorted)*p+99)/100, 1)
	return float64(sorted[rank-1]) / float64(time.Millisecond)
}

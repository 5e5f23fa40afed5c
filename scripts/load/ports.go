package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// again is how long is waited before a port that refused is asked again: short
// beside what is measured, and long enough to leave the processor to the server.
const again = 500 * time.Microsecond

// ports waits until every port takes connections on both loopback addresses, and
// prints when that was: microseconds since 1970, as bash's EPOCHREALTIME counts.
// It is to be started before the server is.
func ports(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("ports", flag.ContinueOnError)
	list := flags.String("ports", "44300-44399", "`RANGE` of ports")
	within := flags.Duration("within", 10*time.Second, "how long to wait at most")
	if err := flags.Parse(args); err != nil {
		return err
	}
	first, last, err := portRange(*list)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, *within)
	defer cancel()
	for port := first; port <= last; port++ {
		for _, host := range []string{"127.0.0.1", "::1"} {
			if err := untilOpen(ctx, net.JoinHostPort(host, strconv.Itoa(port))); err != nil {
				return err
			}
		}
	}
	fmt.Fprintln(out, time.Now().UnixMicro())
	return nil
}

func portRange(text string) (first, last int, err error) {
	from, to, two := strings.Cut(text, "-")
	if !two {
		to = from
	}
	if first, err = strconv.Atoi(from); err == nil {
		last, err = strconv.Atoi(to)
	}
	if err != nil || first < 1 || last < first || last > 65535 {
		return 0, 0, fmt.Errorf("%q is no range of ports", text)
	}
	return first, last, nil
}

// untilOpen tries again whatever the failure was: each system numbers a refusal in its
// own way.
func untilOpen(ctx context.Context, address string) error {
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w, and still: %w", address, ctx.Err(), err)
		case <-time.After(again):
		}
	}
}

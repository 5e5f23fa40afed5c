package front

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"devcert/devcert"
)

// maxList bounds a list that somebody hands out, in bytes.
const maxList = 1 << 20

// List asks whoever hands out revocation lists on this machine for the one at path,
// on each address of localhost where somebody listens: which of them a server asks is
// the server's choice. No proxy is asked, and nobody elsewhere: a server on this
// machine finds the list here or not at all.
func List(ctx context.Context, path string) []devcert.ListAnswer {
	return listAnswers(ctx, path, devcert.CRLPort)
}

func listAnswers(ctx context.Context, path string, port uint16) []devcert.ListAnswer {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	client := listClient(new(net.Dialer).DialContext)
	addresses := loopback()
	answers := make([]devcert.ListAnswer, len(addresses))
	var wait sync.WaitGroup
	for i, address := range addresses {
		wait.Go(func() {
			place := netip.AddrPortFrom(address, port)
			a := devcert.ListAnswer{Address: address.String(), Holder: holders([]netip.AddrPort{place})[place]}
			a.DER, a.Err = fetchList(ctx, client, "http://"+place.String()+"/"+path, maxList)
			answers[i] = a
		})
	}
	wait.Wait()
	return slices.DeleteFunc(answers, func(a devcert.ListAnswer) bool { return nobodyListens(a.Err) })
}

// askLimit leaves Windows the two seconds that it takes to say that nobody listens.
const askLimit = 4 * time.Second

// listClient asks where it is told to and nowhere else.
func listClient(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DialContext: dial, DisableKeepAlives: true, MaxResponseHeaderBytes: 16 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// silentError is that nothing was answered: why not helps nobody who reads it.
type silentError struct{ err error }

func (*silentError) Error() string   { return "does not answer" }
func (e *silentError) Unwrap() error { return e.err }

// fetchList is what url answers with, which is no longer than most.
func fetchList(ctx context.Context, client *http.Client, url string, most int) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, &silentError{err}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answers %d %s", response.StatusCode, strings.ToLower(http.StatusText(response.StatusCode)))
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, int64(most)+1))
	if err == nil && len(body) > most {
		err = errors.New("answers with what is too long for a list")
	}
	return body, err
}

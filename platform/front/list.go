package front

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"devcert/devcert/chain"
)

// maxList bounds a list that somebody hands out, in bytes.
const maxList = 1 << 20

// List asks whoever hands out revocation lists on this machine for the one at path.
// No proxy is asked, and nobody elsewhere: a server on this machine finds the list
// here or not at all.
func List(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	return fetchList(ctx, listClient(new(net.Dialer).DialContext), chain.CRLBase+"/"+path, maxList)
}

// listClient asks where it is told to and nowhere else.
func listClient(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DialContext: dial, DisableKeepAlives: true, MaxResponseHeaderBytes: 16 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// fetchList is what url answers with, which is no longer than most.
func fetchList(ctx context.Context, client *http.Client, url string, most int) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, errors.New("nobody answers there") //nolint:nilerr // why not helps nobody
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("who answers there says %d %s", response.StatusCode, strings.ToLower(http.StatusText(response.StatusCode)))
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, int64(most)+1))
	if err == nil && len(body) > most {
		err = errors.New("what answers there is too long for a list")
	}
	return body, err
}

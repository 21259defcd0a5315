package load

import (
	"context"
	"crypto/tls"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Crowd is some clients that keep asking while something changes, half of them on connections that they keep. Every
// answer but 200 is wrong.
type Crowd struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	asked  atomic.Int64

	mu    sync.Mutex
	wrong Wrong
	// last is what each client saw last.
	last []Answer
}

// CrowdOptions say who asks for what.
type CrowdOptions struct {
	// Address is "host:port" of the server; TLS as of [Client].
	Address string
	TLS     *tls.Config
	// Clients is how many there are, and Pause how long each waits between two requests.
	Clients int
	Pause   time.Duration
	// Request returns what to ask for in a client's n-th request.
	Request func(n int) Request
}

// StartCrowd lets the clients begin.
func StartCrowd(ctx context.Context, options CrowdOptions) *Crowd {
	ctx, cancel := context.WithCancel(ctx)
	c := &Crowd{cancel: cancel, wrong: Wrong{}, last: make([]Answer, options.Clients)}
	for i := range options.Clients {
		client := &Client{Address: options.Address, TLS: options.TLS, KeepAlive: i%2 == 0}
		c.done.Go(func() { c.run(ctx, i, client, options) })
	}
	return c
}

func (c *Crowd) run(ctx context.Context, i int, client *Client, options CrowdOptions) {
	defer client.Close()
	ticker := time.NewTicker(options.Pause)
	defer ticker.Stop()
	for n := i; ctx.Err() == nil; n++ {
		answer, err := client.Get(options.Request(n))
		c.asked.Add(1)
		c.note(i, answer, err)
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

func (c *Crowd) note(i int, answer Answer, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last[i] = answer
	if err != nil || answer.Status != http.StatusOK {
		c.wrong.Count(answer, err)
	}
}

// All reports whether the last answer of every client was as wanted.
func (c *Crowd) All(wanted func(Answer) bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, answer := range c.last {
		if !wanted(answer) {
			return false
		}
	}
	return true
}

// Stop ends the crowd and returns how often it asked, and what came back wrong.
func (c *Crowd) Stop() (asked int, wrong Wrong) {
	c.cancel()
	c.done.Wait()
	return int(c.asked.Load()), c.wrong
}

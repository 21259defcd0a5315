package load

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Saturate asks as fast as answers come, on so many connections that Envoy always has a request waiting, for so long. It
// returns how many 200s came, and what came back wrong.
func Saturate(ctx context.Context, address string, connections int, duration time.Duration, request func() Request) (served int, wrong Wrong) {
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	var good atomic.Int64
	var clients sync.WaitGroup
	var mu sync.Mutex
	wrong = Wrong{}
	for range connections {
		clients.Go(func() {
			client := &Client{Address: address, KeepAlive: true}
			defer client.Close()
			for ctx.Err() == nil {
				answer, err := client.Get(request())
				if err == nil && answer.Status == http.StatusOK {
					good.Add(1)
					continue
				}
				mu.Lock()
				wrong.Count(answer, err)
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	return int(good.Load()), wrong
}

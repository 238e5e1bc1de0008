package switchyard

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
)

// channels are those of one client, one for each server that is used: its instances share a connection to each.
type channels struct {
	dial func(address string) (*grpc.ClientConn, error)

	mu       sync.Mutex
	open     map[string]*usedChannel
	isClosed bool
}

type usedChannel struct {
	*grpc.ClientConn
	address string
	users   int
}

// The channel to a server, which is closed when all who use it have released it.
func (c *channels) use(address string) (*usedChannel, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosed {
		return nil, ErrClosed
	}
	used, ok := c.open[address]
	if !ok {
		channel, err := c.dial(address)
		if err != nil {
			return nil, newError(codes.InvalidArgument, "the address %q: %v", address, err)
		}
		used = &usedChannel{ClientConn: channel, address: address}
		c.open[address] = used
	}
	used.users++
	return used, nil
}

// Counts one more who uses a channel that is in use.
func (c *channels) share(used *usedChannel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	used.users++
}

func (c *channels) release(used *usedChannel) {
	c.mu.Lock()
	used.users--
	isLast := used.users == 0 && !c.isClosed
	if isLast {
		delete(c.open, used.address)
	}
	c.mu.Unlock()
	if isLast {
		used.Close()
	}
}

func (c *channels) hasClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.isClosed
}

// Ends every call at once.
func (c *channels) close() {
	c.mu.Lock()
	open := c.open
	c.open, c.isClosed = map[string]*usedChannel{}, true
	c.mu.Unlock()
	for _, used := range open {
		used.Close()
	}
}

// Waits until a connection stands. False: it could not be made, or not in time.
func (u *usedChannel) ready(ctx context.Context, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		state := u.GetState()
		switch state {
		case connectivity.Ready:
			return true
		case connectivity.TransientFailure, connectivity.Shutdown:
			return false
		case connectivity.Idle:
			// A gRPC newer than 1.33 waits to be asked.
			if idle, ok := any(u.ClientConn).(interface{ Connect() }); ok {
				idle.Connect()
			}
		}
		if !u.WaitForStateChange(ctx, state) {
			return false
		}
	}
}

package switchyard

import (
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	pb "switchyard.example/switchyard/v1"
)

// How long the sockets of a punch are kept after it has worked here, should it not have worked there: the other end has 12 s for its
// answer, and the order that follows is on its way after that.
const spareTime = 15 * time.Second

// Opens the sockets of a direct path, once.
func (b *brokered) openSockets(ctx context.Context, rendezvous []*pb.RendezvousAddress) (*puncher, error) {
	b.all.mu.Lock()
	sockets := b.sockets
	b.all.mu.Unlock()
	if sockets != nil {
		return sockets, nil
	}
	var places []string
	for _, place := range rendezvous {
		host := place.GetHost()
		if host == "" {
			host = b.all.instance.caller.server.host()
		}
		places = append(places, net.JoinHostPort(host, strconv.Itoa(int(place.GetPort()))))
	}
	sockets, err := newPuncher(ctx, places)
	if err != nil {
		return nil, err
	}
	b.all.mu.Lock()
	isLate := b.sockets != nil || b.state == gone
	if !isLate {
		b.sockets = sockets
	}
	b.all.mu.Unlock()
	if isLate {
		sockets.close()
		return nil, errors.New("the connection was given up")
	}
	return sockets, nil
}

func (b *brokered) closeSockets() {
	b.keepSockets()
	b.all.mu.Lock()
	sockets := b.sockets
	b.all.mu.Unlock()
	if sockets != nil {
		sockets.close()
	}
}

// Closes them in a while: another attempt is ordered by then, should the peer not have found the same path.
func (b *brokered) spareSockets() {
	b.keepSockets()
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	b.sparing = time.AfterFunc(spareTime, b.closeSockets)
}

// Closes them later than was said: an attempt needs them.
func (b *brokered) keepSockets() {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	if b.sparing != nil {
		b.sparing.Stop()
		b.sparing = nil
	}
}

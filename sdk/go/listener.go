package switchyard

import (
	"net"
	"sync"

	"google.golang.org/grpc/codes"
)

// How many connections of peers may wait for Accept: as many as a kernel keeps by default for a socket that asks for few.
const backlogMax = 128

// ListenOptions say whom a Listener takes.
type ListenOptions struct {
	// Whether to take a connection that a peer asks for. Nil: every one is taken.
	Allow func(peerCvid int32) bool
}

// Listener takes the connections that peers ask for: a net.Listener. Beyond 128 that wait for Accept, peers are refused.
type Listener struct {
	connections *connections
	options     ListenOptions
	done        chan struct{}

	mu      sync.Mutex
	waiting []*Conn
	// Tells one that waits that there is something.
	news     chan struct{}
	isClosed bool
}

var _ net.Listener = (*Listener)(nil)

// Listen takes connections of peers from now on. An instance has one Listener at a time; without one every peer is refused.
func (i *Instance) Listen(options ListenOptions) (*Listener, error) {
	c := i.connections
	if c.problem != nil {
		return nil, c.problem
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener != nil {
		return nil, newError(codes.FailedPrecondition, "the instance listens already: close the other Listener first")
	}
	if i.life.Err() != nil {
		return nil, ErrLeft
	}
	c.listener = &Listener{connections: c, options: options, done: make(chan struct{}), news: make(chan struct{}, 1)}
	return c.listener, nil
}

// Accept waits for the next connection. net.ErrClosed: the Listener was closed, or the instance is over.
func (l *Listener) Accept() (net.Conn, error) {
	conn, err := l.AcceptPeer()
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// AcceptPeer is Accept, with what is known about the peer.
func (l *Listener) AcceptPeer() (*Conn, error) {
	for {
		l.mu.Lock()
		if len(l.waiting) > 0 {
			conn := l.waiting[0]
			l.waiting = l.waiting[1:]
			if len(l.waiting) > 0 {
				l.tell()
			}
			l.mu.Unlock()
			return conn, nil
		}
		l.mu.Unlock()
		select {
		case <-l.news:
		case <-l.done:
			return nil, net.ErrClosed
		}
	}
}

// Close refuses peers from now on, and lets go of connections that wait for Accept. Those that were accepted stay.
func (l *Listener) Close() error {
	l.connections.mu.Lock()
	if l.connections.listener == l {
		l.connections.listener = nil
	}
	l.connections.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed {
		return nil
	}
	l.isClosed = true
	close(l.done)
	for _, conn := range l.waiting {
		conn.Abort()
	}
	l.waiting = nil
	return nil
}

// Addr is this instance.
func (l *Listener) Addr() net.Addr { return PeerAddr{l.connections.ownCvid()} }

// Refuses a peer that is not taken.
func (l *Listener) admits(peer int32) error {
	if l.options.Allow != nil && !l.options.Allow(peer) {
		return &Refusal{"PEER_REFUSED", "not open to you"}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) >= backlogMax {
		return &Refusal{"PEER_REFUSED", "too many connections wait to be accepted"}
	}
	return nil
}

// Under the lock: one message is enough, who reads it passes it on.
func (l *Listener) tell() {
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// Takes a connection that stands; false: it is not wanted any more.
func (l *Listener) take(conn *Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed || len(l.waiting) >= backlogMax {
		return false
	}
	l.waiting = append(l.waiting, conn)
	l.tell()
	return true
}

// Leaves a connection that still waits for Accept: the next one of it takes its place.
func (l *Listener) leave(conn *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for at, one := range l.waiting {
		if one == conn {
			l.waiting = append(l.waiting[:at:at], l.waiting[at+1:]...)
			return
		}
	}
}

// Gives the Listener a connection, unless its path was left meanwhile.
func (c *connections) accepted(b *brokered, conn *Conn) {
	c.mu.Lock()
	isLeft := b.conn != conn
	isTaken := !isLeft && c.listener != nil && c.listener.take(conn)
	c.mu.Unlock()
	if !isLeft && !isTaken {
		conn.Abort()
	}
}

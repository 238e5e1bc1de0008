package switchyard

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	pb "switchyard.example/switchyard/v1"
)

const (
	// Asking waits until the peer has accepted: its order has 10 s, and a server may restart.
	askTimeout = 30 * time.Second
	// A peer's request waits for so long for the answers to requests to the same peer, one of which may be the same connection.
	crossingTimeout = 3 * time.Second
	requestIDBytes  = 16
	// What is on its way to the server when a connection ends has so long to get there, before the loss is reported without it.
	reportedBeforeLoss = 3 * time.Second
)

// connections are those of an instance: those that it asks for, and those that it is ordered. When both ends ask for each other
// at the same moment, the server answers both requests with one connection, and both go on as one.
type connections struct {
	instance *Instance
	identity *peerIdentity
	// Why there is no identity, and so no connection.
	problem error

	mu   sync.Mutex
	byID map[string]*brokered
	// Asked for, until the server has answered: closed then.
	asking   map[*brokered]chan struct{}
	listener *Listener
}

func newConnections(i *Instance) *connections {
	identity, err := newPeerIdentity()
	return &connections{
		instance: i, identity: identity, problem: err,
		byID: map[string]*brokered{}, asking: map[*brokered]chan struct{}{},
	}
}

func (c *connections) newBrokered(peer int32, link pb.LinkType, incoming bool, fallback pb.ConnectionFallback) *brokered {
	life, endLife := context.WithCancel(c.instance.life)
	return &brokered{
		all: c, peer: peer, link: link, incoming: incoming, fallback: fallback, life: life, endLife: endLife, made: make(chan struct{}),
	}
}

// Carries out an order about a connection; answers with the answer's data.
func (c *connections) order(ctx context.Context, order *pb.Connection) ([]byte, error) {
	if c.problem != nil {
		return nil, c.problem
	}
	switch order.GetRole() {
	case pb.ConnectionRole_CONNECTION_ROLE_GATHER:
		return c.gather(ctx, order)
	case pb.ConnectionRole_CONNECTION_ROLE_RELAY:
		b, err := c.find(ctx, order)
		if err != nil {
			return nil, err
		}
		return nil, b.relay(order)
	case pb.ConnectionRole_CONNECTION_ROLE_PUNCH_CONTROLLING, pb.ConnectionRole_CONNECTION_ROLE_PUNCH_CONTROLLED:
		b, err := c.find(ctx, order)
		if err != nil {
			return nil, err
		}
		return b.punch(order)
	case pb.ConnectionRole_CONNECTION_ROLE_DIAL:
		return c.dialCaller(ctx, order)
	default:
		return nil, &Refusal{"UNIMPLEMENTED", "this client does not know this role in a connection"}
	}
}

var errTakesNone = &Refusal{"PEER_REFUSED", "this instance takes no connections"}

// Notes what an order says before the next one is looked at: each is carried out by a goroutine of its own.
func (c *connections) note(order *pb.Connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.byID[order.GetConnectionId()]
	if b != nil && order.GetRole() == pb.ConnectionRole_CONNECTION_ROLE_RELAY {
		b.isRelayed = true
	}
}

// The peer's request. A request of this end's own that crosses it is answered with the same connection.
func (c *connections) gather(ctx context.Context, order *pb.Connection) ([]byte, error) {
	known := c.named(ctx, order, crossingTimeout)
	if known == nil {
		accepted, err := c.accept(order)
		if err != nil {
			return nil, err
		}
		known = accepted
	}
	c.mu.Lock()
	isRelayed := known.isRelayed
	c.mu.Unlock()
	if isRelayed {
		return nil, &Refusal{"UNIMPLEMENTED", "this client does not move a connection: it stays relayed"}
	}
	answer, err := known.gather(ctx, order)
	return known.unlessRefused(ctx, answer, err)
}

// The answer to an order, unless it is refused, which ends the connection at the server, too. Of one whose session has ended meanwhile
// nothing is left, either.
func (b *brokered) unlessRefused(ctx context.Context, answer []byte, err error) ([]byte, error) {
	if ctx.Err() != nil {
		if why := b.all.instance.whySessionEnded(); why != nil {
			err = why
		}
	}
	if err == nil {
		return answer, nil
	}
	b.all.mu.Lock()
	isOpen := b.state == making
	b.all.mu.Unlock()
	if isOpen {
		b.end(err, false)
	}
	return nil, err
}

// Takes a connection that a peer asks for, if the program wants to.
func (c *connections) accept(order *pb.Connection) (*brokered, error) {
	c.mu.Lock()
	listener := c.listener
	c.mu.Unlock()
	if listener == nil {
		return nil, errTakesNone
	}
	if err := listener.admits(order.GetPeerCvid()); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// Meanwhile this end may have asked for the same.
	if known := c.byID[order.GetConnectionId()]; known != nil {
		return known, nil
	}
	b := c.newBrokered(order.GetPeerCvid(), order.GetType(), true, order.GetFallback())
	b.id = order.GetConnectionId()
	c.byID[b.id] = b
	return b, nil
}

func (c *connections) find(ctx context.Context, order *pb.Connection) (*brokered, error) {
	if b := c.named(ctx, order, askTimeout); b != nil {
		return b, nil
	}
	return nil, &Refusal{
		"CONNECTION_NOT_FOUND", fmt.Sprintf("this instance knows nothing of %s any more", order.GetConnectionId()),
	}
}

// The connection of an order. The order may overtake the answer to the request for it, and only that answer tells which of the
// requests under way to the same peer it is; so each that was under way when the order came is waited for.
func (c *connections) named(ctx context.Context, order *pb.Connection, within time.Duration) *brokered {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	c.mu.Lock()
	var answers []chan struct{}
	for one, answered := range c.asking {
		if one.isWith(order.GetPeerCvid(), order.GetType()) {
			answers = append(answers, answered)
		}
	}
	known := c.byID[order.GetConnectionId()]
	c.mu.Unlock()
	for _, answered := range answers {
		if known != nil {
			break
		}
		select {
		case <-answered:
		case <-ctx.Done():
			return nil
		}
		c.mu.Lock()
		known = c.byID[order.GetConnectionId()]
		c.mu.Unlock()
	}
	return known
}

// The server says that a connection is over.
func (c *connections) ended(ended *pb.ConnectionEnded) {
	c.mu.Lock()
	b := c.byID[ended.GetConnectionId()]
	c.mu.Unlock()
	if b != nil {
		b.ended(ended)
	}
}

// What ends with a session ends of this; nil: the instance has left.
func endReason(err *Error) error {
	if err == nil {
		return ErrLeft
	}
	return err
}

func (i *Instance) whySessionEnded() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.sessionEnd
}

// The session is over: what is being made comes to nothing.
func (c *connections) end(err *Error) {
	reason := endReason(err)
	for _, b := range c.list(func(b *brokered) bool { return b.state == making }) {
		b.end(reason, false)
	}
	if c.instance.life.Err() != nil {
		c.mu.Lock()
		listener := c.listener
		c.mu.Unlock()
		if listener != nil {
			listener.Close()
		}
	}
}

// Waits until connections that were closed are complete, for some seconds.
func (c *connections) settle(ctx context.Context) {
	late := time.NewTimer(lingerFor)
	defer late.Stop()
	for _, conn := range c.leaving() {
		select {
		case <-conn.Done():
		case <-c.instance.done:
			return
		case <-late.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// The connections that are closed and not yet complete: a path that is left meanwhile is complete, too.
func (c *connections) leaving() []*Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []*Conn
	for _, b := range c.byID {
		if b.conn != nil && b.conn.carrier.isLeaving() {
			found = append(found, b.conn)
		}
	}
	return found
}

func (c *connections) list(is func(*brokered) bool) []*brokered {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []*brokered
	for _, b := range c.byID {
		if is(b) {
			found = append(found, b)
		}
	}
	return found
}

func (c *connections) forget(b *brokered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID[b.id] == b {
		delete(c.byID, b.id)
	}
}

func (c *connections) ownCvid() int32 {
	if session := c.instance.Session(); session != nil {
		return session.Cvid
	}
	return 0
}

func reasonName(reason pb.Reason) string { return strings.TrimPrefix(reason.String(), "REASON_") }

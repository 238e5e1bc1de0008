package switchyard

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"

	pb "switchyard.example/switchyard/v1"
)

// Dial connects to a peer through the server, encrypted between the two ends but where one of them or the server is older: see
// Conn.EndToEnd. The context is for the making; the connection lives
// until it is closed, or either session ends. Without a deadline Dial waits for the instance to be attached as long as that takes.
func (i *Instance) Dial(ctx context.Context, cvid int32) (*Conn, error) {
	if i.connections.problem != nil {
		return nil, i.connections.problem
	}
	if _, err := i.Attached(ctx); err != nil {
		return nil, errorOf(err)
	}
	return i.connections.dial(ctx, cvid, pb.ConnectionFallback_CONNECTION_FALLBACK_IMMEDIATE)
}

// DirectOptions say how a direct path is looked for.
type DirectOptions struct {
	// What comes of it when there is no direct path: nothing, instead of a connection through the server.
	NoRelay bool
}

// DialDirect connects to a peer over TCP and IPv4 from one end to the other: both ends dial each other, three times at most. It
// takes longer than Dial where there is no such path.
func (i *Instance) DialDirect(ctx context.Context, cvid int32, options DirectOptions) (*Conn, error) {
	if i.connections.problem != nil {
		return nil, i.connections.problem
	}
	if options.NoRelay {
		return i.connections.dial(ctx, cvid, pb.ConnectionFallback_CONNECTION_FALLBACK_NONE)
	}
	return i.connections.dial(ctx, cvid, pb.ConnectionFallback_CONNECTION_FALLBACK_LATE)
}

var errNotDirect = errors.New("the connection goes through the server, which was ruled out")

func (c *connections) dial(ctx context.Context, cvid int32, fallback pb.ConnectionFallback) (*Conn, error) {
	retries := c.instance.asker().server.newBackoff()
	for {
		conn, err := c.dialOnce(ctx, cvid, fallback, retries)
		if conn != nil && fallback == pb.ConnectionFallback_CONNECTION_FALLBACK_NONE && conn.Path() != Direct {
			// The server has answered with a connection that the peer asked for less strictly.
			conn.Abort()
			return nil, errNotDirect
		}
		if conn != nil || err != nil {
			return conn, err
		}
	}
}

// Connects once. Neither a connection nor an error: the peer had asked for the same, and somebody has what came of it.
func (c *connections) dialOnce(
	ctx context.Context, cvid int32, fallback pb.ConnectionFallback, retries *backoff,
) (*Conn, error) {
	if theirs := c.joinable(cvid, pb.LinkType_LINK_TYPE_TRANSPORT_TCP, fallback); theirs != nil {
		return c.await(ctx, theirs)
	}
	mine := c.newBrokered(cvid, pb.LinkType_LINK_TYPE_TRANSPORT_TCP, false, fallback)
	used, err := c.ask(ctx, mine, fallback)
	if err != nil {
		mine.end(err, false)
		return nil, err
	}
	if used == mine {
		return c.await(ctx, mine)
	}
	mine.end(errors.New("the peer has asked before"), false)
	if c.want(used) {
		return c.await(ctx, used)
	}
	if err := used.decided(ctx, retries); err != nil {
		return nil, errorOf(err)
	}
	return nil, nil
}

// What a caller has is not given twice: waits until asking again makes sense, as the server then makes another connection.
func (b *brokered) decided(ctx context.Context, retries *backoff) error {
	b.all.mu.Lock()
	made := b.made
	b.all.mu.Unlock()
	select {
	case <-made:
		// It is decided here, and the server has not heard of that: the peer may still be at it.
		return sleep(ctx, retries.afterFailure(nil, 0))
	default:
	}
	select {
	case <-made:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// One that the peer has asked for and that this end wants, too. With another fallback the server decides: it takes the stricter
// one of both for a connection that is not yet decided.
func (c *connections) joinable(peer int32, link pb.LinkType, fallback pb.ConnectionFallback) *brokered {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.byID {
		if one.isJoinable() && one.isWith(peer, link) && one.fallback == fallback {
			one.isWanted = true
			return one
		}
	}
	return nil
}

func (c *connections) want(b *brokered) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	isFree := b.isJoinable()
	if isFree {
		b.isWanted = true
	}
	return isFree
}

// Asks, and answers with the connection that is used: it may be one that the peer has asked for.
func (c *connections) ask(ctx context.Context, mine *brokered, fallback pb.ConnectionFallback) (*brokered, error) {
	request, err := c.request(ctx, mine, fallback)
	if err != nil {
		return nil, err
	}
	answered := make(chan struct{})
	c.mu.Lock()
	c.asking[mine] = answered
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.asking, mine)
		c.mu.Unlock()
		close(answered)
	}()
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	as := c.instance.asker()
	answer, err := call(ctx, as, as.server.network.DirectConnection, request, true)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	connectionID := answer.GetRequest().GetConnectionId()
	if known := c.byID[connectionID]; known != nil {
		return known, nil
	}
	mine.id = connectionID
	c.byID[connectionID] = mine
	return mine, nil
}

func (c *connections) request(
	ctx context.Context, mine *brokered, fallback pb.ConnectionFallback,
) (*pb.DirectConnectionRequest, error) {
	id, err := drawRequestID()
	if err != nil {
		return nil, err
	}
	endorsement, err := c.endorsement()
	if err != nil {
		return nil, err
	}
	request := &pb.DirectConnectionRequest{
		Cvid: mine.peer, Type: mine.link, PublicKey: c.identity.publicKey, RelayVersion: relayVersion,
		RequestId: id, Fallback: fallback, Endorsement: endorsement,
	}
	if fallback == pb.ConnectionFallback_CONNECTION_FALLBACK_IMMEDIATE {
		return request, nil
	}
	session, err := c.instance.Attached(ctx)
	if err != nil {
		return nil, errorOf(err)
	}
	sockets, err := mine.openSockets(ctx, session.rendezvous)
	if err != nil {
		return nil, err
	}
	request.Candidates, request.RoundTrip = sockets.candidates, sockets.roundTripMessage()
	return request, nil
}

// Waits for what comes of a connection. One that is given up for meanwhile is over at both ends.
func (c *connections) await(ctx context.Context, b *brokered) (*Conn, error) {
	select {
	case <-b.made:
	case <-ctx.Done():
		err := errorOf(ctx.Err())
		b.end(err, false)
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if b.conn == nil {
		return nil, errorOf(b.err)
	}
	return b.conn, nil
}

func drawRequestID() (string, error) {
	id := make([]byte, requestIDBytes)
	if _, err := rand.Read(id); err != nil {
		return "", err
	}
	return hex.EncodeToString(id), nil
}

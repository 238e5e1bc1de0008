package switchyard

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"google.golang.org/grpc/codes"
	pb "switchyard.example/switchyard/v1"
)

const (
	// The newest form of relayed bytes that this client knows: the order to relay says which end begins TLS.
	relayVersion = 3
	// The first form that is encrypted between the ends.
	securedRelayVersion = 2
	// Names what is spoken inside TLS on the relay, together with the connection, so that no other one can be put in its place.
	spokenOnRelay = "switchyard-relay/2"
)

// Where one end of a brokered connection stands, and what can happen to it: src/client/connection/brokered-state.ts.
type brokeredState int

const (
	// There is no stream yet.
	making brokeredState = iota
	// It was handed out, and the server was told.
	standing
	// The server says that it is over; the stream ends by itself, and nothing more is reported.
	parted
	// There is nothing left of it.
	gone
)

// brokered is one end of a brokered connection, from its order to the end of its stream.
type brokered struct {
	all      *connections
	peer     int32
	link     pb.LinkType
	incoming bool
	// As it was asked for.
	fallback pb.ConnectionFallback
	life     context.Context
	endLife  context.CancelFunc
	// Closed when it is decided: `conn`, or `err`.
	made chan struct{}

	// Under the lock of `all`.
	id       string
	isWanted bool
	state    brokeredState
	conn     *Conn
	err      error
	// The relay was ordered: later orders are about moving to a direct path.
	isRelayed bool
	// Opens the relay; nil: that was not ordered.
	opening *relayOpening
	// Ends the attempt that is under way.
	endAttempt context.CancelFunc
	// The sockets of a direct path, once they are open.
	sockets *puncher
	// Closes them a while after a path was handed out.
	sparing *time.Timer
	// A direct path that the peer may not have.
	alone *carrier
	// The last attempt that this end has answered, and with what; and what the order to dial was answered with, once the peer is dialled.
	// Orders may be given again.
	attempt    int32
	answer     []byte
	dialAnswer []byte
	// Closed once the server was told what was reported last.
	reported <-chan struct{}
}

func (b *brokered) isWith(peer int32, link pb.LinkType) bool { return b.peer == peer && b.link == link }

// Whether it is one that the peer asked for, and nobody has: under the lock.
func (b *brokered) isJoinable() bool { return b.incoming && !b.isWanted && b.state == making }

// relayOpening is what comes of the order to relay, which may be given again meanwhile.
type relayOpening struct {
	done chan struct{}
	err  error
}

// Carries out an order to relay, once.
func (b *brokered) relay(order *pb.Connection) error {
	if err := b.leaveOneSided(); err != nil {
		return err
	}
	opening, isMine := b.beginRelay()
	if isMine {
		opening.err = b.openAndHandOut(order)
		close(opening.done)
	}
	<-opening.done
	return opening.err
}

// Ends the attempt that is under way. True: the caller opens the relay. False: it is opened already, or the connection is decided.
func (b *brokered) beginRelay() (*relayOpening, bool) {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	b.isRelayed = true
	if b.endAttempt != nil {
		b.endAttempt()
	}
	if b.opening != nil {
		return b.opening, false
	}
	b.opening = &relayOpening{done: make(chan struct{})}
	if b.state != making {
		close(b.opening.done)
		return b.opening, false
	}
	return b.opening, true
}

func (b *brokered) openAndHandOut(order *pb.Connection) error {
	b.leaveAlone(nil)
	c, err := b.openRelay(order)
	if err != nil {
		b.end(err, false)
		return err
	}
	b.handOut(c, order, Relayed, false)
	return nil
}

func (b *brokered) openRelay(order *pb.Connection) (*carrier, error) {
	if order.GetRelayVersion() >= securedRelayVersion {
		c, err := b.secureRelay(order)
		// A server of release 0.1.0 orders neither end to begin, so nothing was sent: both ends find the same, and go on below.
		if !errors.Is(err, errUnconfirmed) || order.GetControlling() {
			return c, err
		}
	}
	plain, err := openPlainRelay(b.life, &orderedRelay{b.all.instance, order})
	if err != nil {
		return nil, err
	}
	return newCarrier(plain, carrierDeps{
		flush: plain.flush, finish: func() {}, drain: func() {}, destroy: plain.close, isRelayed: true, isPlain: true,
	}), nil
}

// Opens the streams through the server, proves the peer's key over them, and encrypts what follows.
func (b *brokered) secureRelay(order *pb.Connection) (*carrier, error) {
	relay := &orderedRelay{b.all.instance, order}
	controlling, err := relay.begins(b.life)
	if err != nil {
		return nil, err
	}
	pipe := newRelayPipe(b.life, relay)
	proof := peerProof{
		identity: b.all.identity, peerKey: order.GetPeerPublicKey(), controlling: controlling,
		spoken: spokenOnRelay + "/" + order.GetConnectionId(),
	}
	secured, err := proof.secure(b.life, pipe)
	if err != nil {
		// Why the streams could not be opened says more than that the handshake broke off.
		if failure := pipe.failure(); failure != nil && !errors.Is(failure, net.ErrClosed) {
			err = failure
		}
		return nil, err
	}
	finish := func() {
		pipe.finish()
		<-pipe.sent
	}
	return newCarrier(secured, carrierDeps{
		flush: pipe.flush, finish: finish, isRelayed: true,
		drain:   func() { _, _ = io.Copy(io.Discard, pipe) },
		destroy: func() { pipe.Close() },
	}), nil
}

// Hands out a path; false: it is not wanted any more, as the connection is decided or the relay was ordered.
func (b *brokered) handOut(c *carrier, order *pb.Connection, path Path, isReported bool) bool {
	endorsement, unendorsed := b.all.peerEndorsement(order)
	if c.deps.isPlain {
		endorsement, unendorsed = Endorsement{}, errUnproved
	}
	b.all.mu.Lock()
	if b.state != making || isReported && b.alone != c || path == Direct && b.isRelayed {
		b.all.mu.Unlock()
		c.destroy(net.ErrClosed)
		return false
	}
	b.state = standing
	if b.alone == c {
		b.alone = nil
	}
	conn := &Conn{c, connFacts{
		id: b.id, own: b.all.ownCvid(), peer: b.peer, link: b.link, path: path, incoming: b.incoming, endToEnd: !c.deps.isPlain,
		endorsement: endorsement, unendorsed: unendorsed,
	}}
	b.conn = conn
	isWanted := b.isWanted || !b.incoming
	close(b.made)
	b.all.mu.Unlock()
	// Of a path that was found another attempt may follow, and a relayed connection stays what it is.
	b.spareSockets()
	if !isReported && path == Direct {
		b.reportFound(c)
	} else if !isReported {
		b.reportPath(c, path)
	}
	if !isWanted {
		b.all.accepted(b, conn)
	}
	go func() {
		<-c.closed
		c.mu.Lock()
		err := c.err
		c.mu.Unlock()
		if !b.standsOn(c) {
			return
		}
		b.end(err, !errors.Is(err, net.ErrClosed))
	}()
	return true
}

func (b *brokered) standsOn(c *carrier) bool {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	return b.conn != nil && b.conn.carrier == c
}

// The server says that it is over. A stream that stands ends by itself, unless its path is dead.
func (b *brokered) ended(ended *pb.ConnectionEnded) {
	reason := reasonName(ended.GetReason())
	err := &Error{Code: codes.Aborted, Message: ended.GetDescription(), Reason: reason}
	b.all.mu.Lock()
	isMaking := b.state == making
	if isMaking {
		b.state = gone
		b.err = err
		close(b.made)
	} else if b.state == standing {
		b.state = parted
	}
	conn := b.conn
	b.all.mu.Unlock()
	switch {
	case isMaking:
		b.leaveAlone(nil)
		b.endLife()
		b.closeSockets()
		b.all.forget(b)
	case conn != nil && ended.GetReason() == pb.Reason_REASON_PATH_FAILED:
		conn.carrier.destroy(err)
	}
}

// Nothing is left of it, which the server hears unless it has said so itself. `failed`: because its path is dead.
func (b *brokered) end(err error, failed bool) {
	if why := b.all.instance.whySessionEnded(); why != nil && b.all.instance.life.Err() != nil {
		// What was under way broke off because of that.
		err = why
	}
	b.all.mu.Lock()
	isNews := b.id != "" && (b.state == making || b.state == standing)
	if b.state == making {
		b.err = err
		close(b.made)
	}
	b.state = gone
	conn := b.conn
	b.all.mu.Unlock()
	b.endLife()
	b.leaveAlone(nil)
	b.closeSockets()
	if conn != nil {
		conn.carrier.destroy(net.ErrClosed)
	}
	if isNews {
		b.reportLoss(failed && conn != nil)
	}
	b.all.forget(b)
}

// What opens the two streams of an order to relay.
type orderedRelay struct {
	instance *Instance
	order    *pb.Connection
}

func (o *orderedRelay) newBackoff() *backoff { return o.instance.caller.server.newBackoff() }

// Whether this end begins TLS. Orders of version 2 do not say so: it is the end whose stream has the lower id.
func (o *orderedRelay) begins(ctx context.Context) (bool, error) {
	if o.order.GetRelayVersion() >= relayVersion {
		return o.order.GetControlling(), nil
	}
	sink, err := o.openSink(ctx, 0)
	if err != nil {
		return false, err
	}
	defer sink.Close()
	return o.order.GetRelayStreamId() < sink.relay.stream().GetId(), nil
}

func (o *orderedRelay) openSource(ctx context.Context, blocks uint64, onConfirmed func(uint64)) (*Source, error) {
	source, err := openSource(ctx, o.instance.caller, o.order.GetRelayStreamId(), &blocks, onConfirmed)
	if err != nil {
		return nil, err
	}
	if !source.relay.confirms() {
		source.Close()
		return nil, errUnconfirmed
	}
	return source, nil
}

func (o *orderedRelay) openSink(ctx context.Context, blocks uint64) (*Sink, error) {
	sink, err := o.instance.OpenSink(ctx, o.order.GetRelayBranchId(), &blocks)
	if err != nil {
		return nil, err
	}
	if !sink.relay.confirms() {
		sink.Close()
		return nil, errUnconfirmed
	}
	return sink, nil
}

// Streams without delivery confirmation would lose with each broken call what was on its way.
var errUnconfirmed = newError(codes.FailedPrecondition,
	"the server has made streams without delivery confirmation for a relay that needs it")

package switchyard

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	pb "switchyard.example/switchyard/v1"
)

const (
	// Before the server is asked again whether it has heard of a path from both ends: the first time, and at most.
	decidedFirst = 50 * time.Millisecond
	decidedRetry = time.Second
	// How long the answer to an attempt waits until the server has heard of the path.
	reportedWithin = time.Second
)

func (p *puncher) roundTripMessage() *durationpb.Duration {
	if p.roundTrip == 0 {
		return nil
	}
	return durationpb.New(p.roundTrip)
}

// The answer to the order to gather. The relay needs no addresses.
func (b *brokered) gather(ctx context.Context, order *pb.Connection) ([]byte, error) {
	endorsement, err := b.all.endorsement()
	if err != nil {
		return nil, err
	}
	answer := &pb.GatherAnswer{
		PublicKey: b.all.identity.publicKey, RelayVersion: relayVersion, Endorsement: endorsement,
	}
	isDirect := order.GetFallback() != pb.ConnectionFallback_CONNECTION_FALLBACK_IMMEDIATE
	if isDirect && order.GetType() == pb.LinkType_LINK_TYPE_TRANSPORT_TCP {
		sockets, err := b.openSockets(ctx, order.GetRendezvous())
		if err != nil {
			return nil, err
		}
		answer.Candidates, answer.RoundTrip = sockets.candidates, sockets.roundTripMessage()
	}
	return proto.Marshal(answer)
}

// Tries once to reach the peer, and answers with what came of it: with the same where the order is given again, after its answer was
// forgotten. Attempts are numbered from 1.
func (b *brokered) punch(order *pb.Connection) ([]byte, error) {
	b.all.mu.Lock()
	attempt, answer := b.attempt, b.answer
	b.all.mu.Unlock()
	if attempt != 0 && attempt == order.GetAttempt() {
		return answer, nil
	}
	answer, err := b.try(order)
	if err != nil {
		return nil, err
	}
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	b.attempt, b.answer = order.GetAttempt(), answer
	return answer, nil
}

func (b *brokered) try(order *pb.Connection) ([]byte, error) {
	b.keepSockets()
	if err := b.leaveOneSided(); err != nil {
		return nil, err
	}
	b.leaveAlone(nil)
	ctx, end := b.beginAttempt()
	defer end()
	b.all.mu.Lock()
	sockets, conn, isRelayed := b.sockets, b.conn, b.isRelayed
	b.all.mu.Unlock()
	if sockets == nil || conn != nil || isRelayed {
		// Nothing is dialled, which leads to the relay where the caller lets it.
		return proto.Marshal(&pb.PunchAnswer{})
	}
	controlling := order.GetRole() == pb.ConnectionRole_CONNECTION_ROLE_PUNCH_CONTROLLING
	secured, answer := sockets.attempt(ctx, order, b.proof(order, controlling))
	answer.Connected = secured != nil && b.takePath(secured, order, controlling)
	return proto.Marshal(answer)
}

// The life of an attempt: an order to relay ends it.
func (b *brokered) beginAttempt() (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancel(b.life)
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	b.endAttempt = end
	return ctx, end
}

func (b *brokered) proof(order *pb.Connection, controlling bool) peerProof {
	return peerProof{
		identity: b.all.identity, peerKey: order.GetPeerPublicKey(), controlling: controlling, spoken: spokenDirect,
	}
}

// Hands out a path that an attempt has found, if the other end has found the same.
func (b *brokered) takePath(secured *tls.Conn, order *pb.Connection, controlling bool) bool {
	raw := secured.NetConn()
	c := newCarrier(secured, carrierDeps{
		// What the kernel has taken outlives this process.
		flush: func() error { return nil },
		finish: func() {
			if tcp, ok := raw.(*net.TCPConn); ok {
				_ = tcp.CloseWrite()
			}
		},
		drain:   func() { _, _ = io.Copy(io.Discard, raw) },
		destroy: func() { raw.Close() },
	})
	// A confirmation may have come too late for the peer.
	if !controlling && !c.heard(nominateTimeout) {
		c.destroy(errNotNominated)
		return false
	}
	if controlling {
		return b.hold(c, order)
	}
	return b.handOut(c, order, Direct, false)
}

// Keeps a path that the peer may not have, as the end that controls cannot know, and hands it out once that is known.
func (b *brokered) hold(c *carrier, order *pb.Connection) bool {
	b.all.mu.Lock()
	isHeld := b.state == making && !b.isRelayed
	if isHeld {
		b.alone = c
	}
	b.all.mu.Unlock()
	if !isHeld {
		c.destroy(net.ErrClosed)
		return false
	}
	b.reportFound(c)
	go b.awaitDecision(c, order)
	return true
}

// Waits until the server has heard of the path from both ends. One that ends before is left, and another one, or the relay, is
// ordered: a report of its loss would end the connection.
func (b *brokered) awaitDecision(c *carrier, order *pb.Connection) {
	rest := decidedFirst
	for endsAt := time.Now().Add(spareTime); time.Now().Before(endsAt) && b.isAlone(c) && b.isPunching(); {
		select {
		case <-c.closed:
			if b.isPunching() {
				b.leaveAlone(c)
			}
		case <-time.After(rest):
		}
		if rest *= 2; rest > decidedRetry {
			rest = decidedRetry
		}
	}
	b.handOut(c, order, Direct, true)
}

// Whether what carries it is yet to be found, and is not the relay.
func (b *brokered) isUndecided() bool {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	return b.state == making && !b.isRelayed
}

func (b *brokered) isAlone(c *carrier) bool {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	return b.alone == c
}

var errNotCommon = errors.New("the peer has not found the same path")

// Leaves a direct path that was handed out and that the peer does not have, as another way is ordered. What Dial has returned does not
// come back, so that is refused; what a Listener was given is given anew.
func (b *brokered) leaveOneSided() error {
	b.all.mu.Lock()
	conn := b.conn
	isOneSided := b.state == standing && conn.Path() == Direct
	isTaken := b.isWanted || !b.incoming
	if isOneSided && !isTaken {
		b.state, b.conn, b.made = making, nil, make(chan struct{})
		if b.all.listener != nil {
			b.all.listener.leave(conn)
		}
	}
	b.all.mu.Unlock()
	if !isOneSided {
		return nil
	}
	conn.carrier.destroy(errNotCommon)
	if !isTaken {
		return nil
	}
	b.end(errNotCommon, true)
	return &Refusal{"PATH_FAILED", errNotCommon.Error()}
}

// Leaves a path of which the peer knows nothing: this one, and not that of an attempt that came meanwhile; nil: whichever there is.
func (b *brokered) leaveAlone(only *carrier) {
	b.all.mu.Lock()
	c := b.alone
	if only != nil && c != only {
		c = nil
	} else {
		b.alone = nil
	}
	b.all.mu.Unlock()
	if c != nil {
		c.destroy(errNotCommon)
	}
}

// Whether the server may order another attempt, or the relay, as it has not heard of a path from both ends. False: it cannot say.
func (b *brokered) isPunching() bool {
	as := b.all.instance.caller
	ctx, cancel := context.WithTimeout(b.life, callTimeout)
	defer cancel()
	answer, err := call(ctx, as, as.server.network.GetConnection, &pb.GetConnectionRequest{ConnectionId: b.id}, true)
	return err == nil && answer.GetConnection().GetState() == pb.ConnectionState_CONNECTION_STATE_PUNCHING
}

// The peer listens: dials it. The answer goes out before, as the peer lets nobody in without the key that it brings.
func (c *connections) dialCaller(ctx context.Context, order *pb.Connection) ([]byte, error) {
	c.mu.Lock()
	b := c.byID[order.GetConnectionId()]
	c.mu.Unlock()
	if b == nil {
		accepted, err := c.accept(order)
		if err != nil {
			return nil, err
		}
		b = accepted
	}
	if len(order.GetPeerPublicKey()) == 0 {
		err := &Refusal{"UNIMPLEMENTED", "a caller without a key is not dialled"}
		b.end(err, false)
		return nil, err
	}
	answer, err := b.dial(ctx, order)
	return b.unlessRefused(ctx, answer, err)
}

func (b *brokered) dial(ctx context.Context, order *pb.Connection) ([]byte, error) {
	b.all.mu.Lock()
	given := b.dialAnswer
	b.all.mu.Unlock()
	if given != nil {
		// Given again, after the answer was forgotten.
		return given, nil
	}
	endorsement, err := b.all.endorsement()
	if err != nil {
		return nil, err
	}
	answer, err := proto.Marshal(&pb.GatherAnswer{PublicKey: b.all.identity.publicKey, Endorsement: endorsement})
	if err != nil {
		return nil, err
	}
	// Loopback is dialled only by an end that is seen there itself, which the rendezvous says.
	session, err := b.all.instance.Attached(ctx)
	if err != nil {
		return nil, err
	}
	sockets, err := b.openSockets(ctx, session.rendezvous)
	if err != nil {
		return nil, err
	}
	b.all.mu.Lock()
	b.dialAnswer = answer
	b.all.mu.Unlock()
	go func() {
		ctx, end := b.beginAttempt()
		defer end()
		// There is no attempt to have a nonce of; the connection's name, which both know, serves as well.
		nonce := sha256.Sum256([]byte(order.GetConnectionId()))
		secured, _ := sockets.attempt(ctx, &pb.Connection{
			Candidates: []*pb.Candidate{{
				Host: order.GetHost(), Port: order.GetPort(), Type: pb.CandidateType_CANDIDATE_TYPE_REFLEXIVE,
			}},
			Nonce: nonce[:nonceBytes],
		}, b.proof(order, false))
		if (secured == nil || !b.takePath(secured, order, false)) && b.isUndecided() {
			b.end(errors.New("the peer could not be reached where it listens"), true)
		}
	}()
	return answer, nil
}

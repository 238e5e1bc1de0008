package switchyard

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	pb "switchyard.example/switchyard/v1"
)

// How long the sockets of a punch are kept after it has worked here, should it not have worked there.
const spareTime = 10 * time.Second

func (p *puncher) roundTripMessage() *durationpb.Duration {
	if p.roundTrip == 0 {
		return nil
	}
	return durationpb.New(p.roundTrip)
}

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
			host = b.all.instance.caller.server.host
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
	b.all.mu.Lock()
	sockets := b.sockets
	b.all.mu.Unlock()
	if sockets != nil {
		sockets.close()
	}
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

// Tries once to reach the peer, and answers with what came of it.
func (b *brokered) punch(order *pb.Connection) ([]byte, error) {
	b.all.mu.Lock()
	sockets, conn, isRelayed := b.sockets, b.conn, b.isRelayed
	b.all.mu.Unlock()
	if conn != nil && !isRelayed {
		// A path that only this end had from the attempt before.
		conn.carrier.destroy(errors.New("the peer has not found the same path"))
	}
	if sockets == nil || conn != nil || isRelayed {
		// Nothing is dialled, which leads to the relay where the caller lets it.
		return proto.Marshal(&pb.PunchAnswer{})
	}
	controlling := order.GetRole() == pb.ConnectionRole_CONNECTION_ROLE_PUNCH_CONTROLLING
	secured, answer := sockets.attempt(b.life, order, b.proof(order, controlling))
	answer.Connected = secured != nil && b.takePath(secured, order, controlling)
	return proto.Marshal(answer)
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
	b.handOut(c, order, Direct)
	time.AfterFunc(spareTime, b.closeSockets)
	return true
}

// The peer listens: dials it. The answer goes out before, as the peer lets nobody in without the key that it brings.
func (c *connections) dialCaller(ctx context.Context, order *pb.Connection) ([]byte, error) {
	b, err := c.accept(order)
	if err != nil {
		return nil, err
	}
	if len(order.GetPeerPublicKey()) == 0 {
		err := &Refusal{"UNIMPLEMENTED", "a caller without a key is not dialled"}
		b.end(err, false)
		return nil, err
	}
	endorsement, err := c.endorsement()
	if err != nil {
		return nil, err
	}
	// Loopback is dialled only by an end that is seen there itself, which the rendezvous says.
	session, err := c.instance.Attached(ctx)
	if err != nil {
		return nil, err
	}
	sockets, err := b.openSockets(ctx, session.rendezvous)
	if err != nil {
		return nil, err
	}
	go func() {
		// There is no attempt to have a nonce of; the connection's name, which both know, serves as well.
		nonce := sha256.Sum256([]byte(order.GetConnectionId()))
		secured, _ := sockets.attempt(b.life, &pb.Connection{
			Candidates: []*pb.Candidate{{
				Host: order.GetHost(), Port: order.GetPort(), Type: pb.CandidateType_CANDIDATE_TYPE_REFLEXIVE,
			}},
			Nonce: nonce[:nonceBytes],
		}, b.proof(order, false))
		if secured == nil || !b.takePath(secured, order, false) {
			b.end(errors.New("the peer could not be reached where it listens"), true)
		}
	}()
	return proto.Marshal(&pb.GatherAnswer{PublicKey: c.identity.publicKey, Endorsement: endorsement})
}

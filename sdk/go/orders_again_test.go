package switchyard

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	pb "switchyard.example/switchyard/v1"
)

// A server that knows one connection, whose paths it has yet to hear of from both ends.
type punching struct {
	pb.UnimplementedNetworkServiceServer
	// Called before each answer about the connection.
	asked func(times int)

	mu       sync.Mutex
	times    int
	reported int
}

func (p *punching) GetConnection(context.Context, *pb.GetConnectionRequest) (*pb.GetConnectionResponse, error) {
	p.mu.Lock()
	p.times++
	times := p.times
	p.mu.Unlock()
	p.asked(times)
	state := pb.ConnectionState_CONNECTION_STATE_PUNCHING
	return &pb.GetConnectionResponse{Connection: &pb.ConnectionRecord{State: state}}, nil
}

func (p *punching) ReportLink(context.Context, *pb.ReportLinkRequest) (*pb.ReportLinkResponse, error) {
	// As long as a report may be on its way.
	time.Sleep(50 * time.Millisecond)
	p.mu.Lock()
	p.reported++
	p.mu.Unlock()
	return &pb.ReportLinkResponse{}, nil
}

func (p *punching) reports() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reported
}

// A connection of an instance on that server.
func (p *punching) connection(t *testing.T) *brokered {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterNetworkServiceServer(server, p)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	client, err := New(listener.Addr().String(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	life, end := context.WithCancel(context.Background())
	t.Cleanup(end)
	me := &Instance{caller: newCaller(client.server, metadata.MD{}), life: life, session: &OwnSession{}, changed: make(chan struct{})}
	me.connections = newConnections(me)
	fallback := pb.ConnectionFallback_CONNECTION_FALLBACK_LATE
	b := me.connections.newBrokered(7, pb.LinkType_LINK_TYPE_TRANSPORT_TCP, false, fallback)
	b.id = "c"
	me.connections.byID[b.id] = b
	return b
}

// A path whose end is noticed only after the next attempt has found one.
func TestAnAttemptsPathIsNotLeftForTheOneBefore(t *testing.T) {
	first, _ := carriers(t)
	second, _ := carriers(t)
	server := &punching{}
	b := server.connection(t)
	server.asked = func(times int) {
		b.all.mu.Lock()
		defer b.all.mu.Unlock()
		switch times {
		case 1:
			first.carrier.destroy(net.ErrClosed)
		case 2:
			b.alone = second.carrier
		}
	}
	b.alone = first.carrier
	b.awaitDecision(first.carrier, &pb.Connection{})
	if !b.isAlone(second.carrier) {
		t.Error("the path of the next attempt is left")
	}
	select {
	case <-second.carrier.closed:
		t.Error("the path of the next attempt is closed")
	default:
	}
	second.Abort()
}

func TestAPathIsReportedBeforeItsAttemptIsAnswered(t *testing.T) {
	server := &punching{asked: func(int) {}}
	for _, take := range []func(*brokered, *carrier){
		func(b *brokered, c *carrier) { b.hold(c, &pb.Connection{}) },
		func(b *brokered, c *carrier) { b.handOut(c, &pb.Connection{}, Direct, false) },
	} {
		conn, _ := carriers(t)
		before := server.reports()
		take(server.connection(t), conn.carrier)
		if server.reports() != before+1 {
			t.Errorf("%d reports after %d", server.reports(), before)
		}
		conn.Abort()
	}
}

func TestNothingIsLeftOfAConnectionWhoseOrderIsRefused(t *testing.T) {
	server := &punching{asked: func(int) {}}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for name, order := range map[string]*pb.Connection{
		"no session to dial from": {ConnectionId: "d", Role: pb.ConnectionRole_CONNECTION_ROLE_DIAL, PeerPublicKey: []byte("key")},
		"no endorsement":          {ConnectionId: "e", Role: pb.ConnectionRole_CONNECTION_ROLE_GATHER},
	} {
		all := server.connection(t).all
		all.listener = &Listener{connections: all}
		delete(all.byID, "c")
		all.instance.session = nil
		if name == "no endorsement" {
			all.instance.options = InstanceOptions{UUID: "none", Key: &SigningKey{}}
		}
		if _, err := all.order(over, order); err == nil || len(all.byID) != 0 {
			t.Errorf("%s: %v, and %d connections are left", name, err, len(all.byID))
		}
	}
}

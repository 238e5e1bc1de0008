package switchyard

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	pb "switchyard.example/switchyard/v1"
)

func TestWhatASessionEndedOfIsWhatItsConnectionsEndOfWhateverTheyWaitFor(t *testing.T) {
	silent, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	refusal, err := status.New(codes.Aborted, "terminated by an administrator").WithDetails(
		&errdetails.ErrorInfo{Reason: "SESSION_TERMINATED"},
	)
	if err != nil {
		t.Fatal(err)
	}
	port := int32(silent.Addr().(*net.TCPAddr).Port)
	for name, waits := range map[string]*pb.Connection{
		"gather": {
			Role:       pb.ConnectionRole_CONNECTION_ROLE_GATHER,
			Rendezvous: []*pb.RendezvousAddress{{Host: "127.0.0.1", Port: port}},
		},
		"dial":  {Role: pb.ConnectionRole_CONNECTION_ROLE_DIAL, Host: "127.0.0.1", Port: port, PeerPublicKey: []byte("key")},
		"punch": {Role: pb.ConnectionRole_CONNECTION_ROLE_PUNCH_CONTROLLED, Attempt: 1, PeerPublicKey: []byte("key")},
	} {
		t.Run(name, func(t *testing.T) {
			o, me := newOrdering(t)
			listen(t, me)
			if name == "punch" {
				peer := newPeer(t, o)
				o.gather(t, &peer)
			}
			o.rendezvous[0].Port = port
			waits.Fallback = pb.ConnectionFallback_CONNECTION_FALLBACK_LATE
			o.begin(t, waits)
			b := o.awaitConnection(t, me)
			failed := make(chan error, 1)
			go func() {
				_, err := me.DialDirect(context.Background(), 7, DirectOptions{})
				failed <- err
			}()
			until(t, "the connection is not waited for", func() bool {
				me.connections.mu.Lock()
				defer me.connections.mu.Unlock()
				return b.isWanted
			})
			o.ends <- refusal.Err()
			select {
			case err := <-failed:
				if err == nil || err.Error() != "terminated by an administrator [SESSION_TERMINATED]" {
					t.Errorf("%v", err)
				}
			case <-time.After(10 * time.Second):
				t.Error("the connection is waited for")
			}
			o.expectNothingLeft(t, me)
		})
	}
}

func TestAnOrderToDialThatWaitsForTheAttachmentEndsWithWhatTheSessionEndedOf(t *testing.T) {
	o, me := newOrdering(t)
	listen(t, me)
	// Orders reach it no more, and the session may yet come back.
	o.ends <- status.Error(codes.Unavailable, "away")
	for me.State() == Attached {
		time.Sleep(time.Millisecond)
	}
	ordersOf(me).take(&pb.Order{OrderId: "late", Kind: &pb.Order_Connection{Connection: &pb.Connection{
		ConnectionId: connectionOfTest, PeerCvid: 7, Type: pb.LinkType_LINK_TYPE_TRANSPORT_TCP,
		Role: pb.ConnectionRole_CONNECTION_ROLE_DIAL, PeerPublicKey: []byte("key"),
	}}})
	b := o.awaitConnection(t, me)
	me.terminated("")
	<-b.made
	if b.err == nil || b.err.Error() != "terminated by an administrator [SESSION_TERMINATED]" {
		t.Errorf("%v", b.err)
	}
	o.expectNothingLeft(t, me)
}

func TestAPeersRequestThatWaitsForAnAnswerLeavesNothingWhenTheSessionEnds(t *testing.T) {
	o, me := newOrdering(t)
	listen(t, me)
	o.mu.Lock()
	o.unanswered = true
	o.mu.Unlock()
	dialled := make(chan error, 1)
	go func() {
		_, err := me.Dial(context.Background(), 7)
		dialled <- err
	}()
	until(t, "nothing is asked for", func() bool {
		me.connections.mu.Lock()
		defer me.connections.mu.Unlock()
		return len(me.connections.asking) > 0
	})
	orders := ordersOf(me)
	order := o.begin(t, &pb.Connection{
		Role: pb.ConnectionRole_CONNECTION_ROLE_GATHER, Fallback: pb.ConnectionFallback_CONNECTION_FALLBACK_LATE,
	})
	awaitRunning(t, orders, order, true)
	me.happen(nil, lost, &Error{Code: codes.Unauthenticated, Message: "expired", Reason: "SESSION_EXPIRED"})
	awaitRunning(t, orders, order, false)
	o.expectNothingLeft(t, me)
}

package switchyard

import (
	"context"
	"crypto/sha256"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	pb "switchyard.example/switchyard/v1"
)

func TestAnOrderToPunchThatIsGivenAgainIsAnsweredAsBefore(t *testing.T) {
	o, me := newOrdering(t)
	listener, peer := listen(t, me), newPeer(t, o)
	theirs := o.gather(t, &peer).GetCandidates()
	role := pb.ConnectionRole_CONNECTION_ROLE_PUNCH_CONTROLLED
	path, answer := o.attempt(t, peer, theirs, role, 2)
	if path == nil || !isConnected(t, answer) {
		t.Fatalf("%v", answer)
	}
	conn := accepted(t, listener)
	again := o.order(t, &pb.Connection{Role: role, Attempt: 2, PeerPublicKey: peer.proof.identity.publicKey})
	if string(again.GetData()) != string(answer.GetData()) {
		t.Errorf("%v instead of the answer that was given before", again)
	}
	expectEcho(t, conn, path)
}

func TestAnOrderToDialThatIsGivenAgainLeavesTheConnectionThatStandsAlsoWhenNobodyListensAnyMore(t *testing.T) {
	o, me := newOrdering(t)
	listener, peer := listen(t, me), newPeer(t, o)
	port := peer.sockets.listener.Addr().(*net.TCPAddr).Port
	order := &pb.Connection{
		Role: pb.ConnectionRole_CONNECTION_ROLE_DIAL, Host: "127.0.0.1", Port: int32(port),
		PeerPublicKey: peer.proof.identity.publicKey,
	}
	answer := o.order(t, order)
	gathered := &pb.GatherAnswer{}
	if err := proto.Unmarshal(answer.GetData(), gathered); err != nil || answer.GetCode() != 0 {
		t.Fatalf("%v, %v", answer, err)
	}
	peer.proof.peerKey, peer.proof.controlling = gathered.GetPublicKey(), true
	nonce := sha256.Sum256([]byte(connectionOfTest))
	path, _ := try(peer, &pb.Connection{Nonce: nonce[:nonceBytes]})
	if path == nil {
		t.Fatal("the peer was not dialled")
	}
	conn := accepted(t, listener)
	listener.Close()
	again := o.order(t, order)
	if again.GetCode() != 0 || string(again.GetData()) != string(answer.GetData()) {
		t.Errorf("%v instead of the answer that was given before", again)
	}
	expectEcho(t, conn, path)
}

func TestOneWhoListensGetsTheRelayInThePlaceOfAPathThatThePeerDoesNotHave(t *testing.T) {
	o, me := newOrdering(t)
	listener, peer := listen(t, me), newPeer(t, o)
	theirs := o.gather(t, &peer).GetCandidates()
	_, answer := o.attempt(t, peer, theirs, pb.ConnectionRole_CONNECTION_ROLE_PUNCH_CONTROLLED, 1)
	if !isConnected(t, answer) {
		t.Fatalf("%v", answer)
	}
	first := accepted(t, listener)
	relay := &pb.Connection{Role: pb.ConnectionRole_CONNECTION_ROLE_RELAY, RelayStreamId: 1, RelayBranchId: 2}
	if answer := o.order(t, relay); answer.GetCode() != 0 {
		t.Fatalf("%v", answer)
	}
	_ = first.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := first.Read(make([]byte, 1)); err != errNotCommon {
		t.Errorf("%v", err)
	}
	second := accepted(t, listener)
	if second.Path() != Relayed {
		t.Errorf("%s", second.Path())
	}
	// The one stream of this server brings back what is sent.
	if _, err := second.Write([]byte("still here")); err != nil {
		t.Error(err)
	}
	_ = second.SetReadDeadline(time.Now().Add(5 * time.Second))
	got := make([]byte, 10)
	if _, err := second.Read(got); err != nil || string(got) != "still here" {
		t.Errorf("%q, %v", got, err)
	}
	for _, report := range o.awaitReports(t, 2) {
		if report.GetState() != pb.LinkState_LINK_STATE_ESTABLISHED {
			t.Errorf("%v", report)
		}
	}
	second.Abort()
}

func TestADialThatHasReturnedEndsWithItsPathWhenThePeerDoesNotHaveThat(t *testing.T) {
	for name, next := range map[string]*pb.Connection{
		"relay": {Role: pb.ConnectionRole_CONNECTION_ROLE_RELAY, RelayStreamId: 1, RelayBranchId: 2},
		"punch": {Role: pb.ConnectionRole_CONNECTION_ROLE_PUNCH_CONTROLLED, Attempt: 2},
	} {
		t.Run(name, func(t *testing.T) {
			o, me := newOrdering(t)
			peer := newPeer(t, o)
			dialled := make(chan *Conn, 1)
			go func() {
				conn, err := me.DialDirect(context.Background(), 7, DirectOptions{})
				if err != nil {
					t.Error(err)
				}
				dialled <- conn
			}()
			theirs := o.gatheredByCaller(t, me, &peer)
			_, answer := o.attempt(t, peer, theirs, pb.ConnectionRole_CONNECTION_ROLE_PUNCH_CONTROLLED, 1)
			if !isConnected(t, answer) {
				t.Fatalf("%v", answer)
			}
			conn := <-dialled
			if answer := o.order(t, next); answer.GetCode() != pb.Reason_REASON_PATH_FAILED {
				t.Errorf("%v", answer)
			}
			_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			if _, err := conn.Read(make([]byte, 1)); err != errNotCommon {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestTheSocketsOfAPathThatWasFoundStayForTheAttemptsThatFollow(t *testing.T) {
	o, me := newOrdering(t)
	listener, peer := listen(t, me), newPeer(t, o)
	theirs := o.gather(t, &peer).GetCandidates()
	role := pb.ConnectionRole_CONNECTION_ROLE_PUNCH_CONTROLLED
	if _, answer := o.attempt(t, peer, theirs, role, 1); !isConnected(t, answer) {
		t.Fatalf("%v", answer)
	}
	accepted(t, listener)
	all := me.connections
	all.mu.Lock()
	b := all.byID[connectionOfTest]
	isSpared := b.sparing != nil
	all.mu.Unlock()
	if !isSpared {
		t.Fatal("the sockets are kept for ever")
	}
	nobody := o.begin(t, &pb.Connection{Role: role, Attempt: 2, PeerPublicKey: peer.proof.identity.publicKey})
	attempt := awaitRace(t, b)
	all.mu.Lock()
	isSparing := b.sparing != nil
	all.mu.Unlock()
	if isSparing {
		t.Error("the attempt is cut before its time")
	}
	attempt.end()
	if isConnected(t, o.answer(t, nobody)) {
		t.Error("there is a path to nobody")
	}
	path, answer := o.attempt(t, peer, theirs, role, 3)
	if path == nil || !isConnected(t, answer) {
		t.Fatalf("%v", answer)
	}
	expectEcho(t, accepted(t, listener), path)
}

func TestAnOrderToRelayEndsTheAttemptUnderWay(t *testing.T) {
	o, me := newOrdering(t)
	listener, peer := listen(t, me), newPeer(t, o)
	o.gather(t, &peer)
	o.begin(t, &pb.Connection{
		Role: pb.ConnectionRole_CONNECTION_ROLE_PUNCH_CONTROLLED, Attempt: 1, PeerPublicKey: peer.proof.identity.publicKey,
	})
	awaitRace(t, o.awaitConnection(t, me))
	o.begin(t, &pb.Connection{Role: pb.ConnectionRole_CONNECTION_ROLE_RELAY, RelayStreamId: 1, RelayBranchId: 2})
	for range []string{"punch", "relay"} {
		answer := <-o.answers
		punched := &pb.PunchAnswer{}
		if err := proto.Unmarshal(answer.GetData(), punched); err != nil || answer.GetCode() != 0 || punched.GetConnected() {
			t.Errorf("%v, %v", answer, err)
		}
		if took := punched.GetTook().AsDuration(); took >= attemptTime {
			t.Errorf("the attempt took %v", took)
		}
	}
	if conn := accepted(t, listener); conn.Path() != Relayed {
		t.Errorf("%s", conn.Path())
	}
}

func TestAPathThatIsFoundAfterTheOrderToRelayIsClosed(t *testing.T) {
	o, me := newOrdering(t)
	listener := listen(t, me)
	b := o.asked(t, me)
	me.connections.note(&pb.Connection{ConnectionId: connectionOfTest, Role: pb.ConnectionRole_CONNECTION_ROLE_RELAY})
	path, _ := carriers(t)
	if b.handOut(path.carrier, &pb.Connection{}, Direct, false) {
		t.Fatal("it was handed out")
	}
	<-path.carrier.closed
	expectWaiting(t, listener, 0)
}

func TestAnOrderToRelayThatIsGivenAgainWhileTheRelayIsOpenedOpensItOnce(t *testing.T) {
	o, me := newOrdering(t)
	listener := listen(t, me)
	o.asked(t, me)
	relay := &pb.Connection{Role: pb.ConnectionRole_CONNECTION_ROLE_RELAY, RelayStreamId: 1, RelayBranchId: 2}
	came := func() int32 { return atomic.LoadInt32(&o.relay.came) }
	o.relay.mu.Lock()
	first := o.begin(t, relay)
	until(t, "the relay is not opened", func() bool { return came() > 0 })
	second := o.begin(t, relay)
	awaitRunning(t, ordersOf(me), second, true)
	// The answer to what comes after it.
	if answer := o.order(t, &pb.Connection{}); answer.GetCode() != pb.Reason_REASON_UNIMPLEMENTED {
		t.Errorf("%v", answer)
	}
	o.relay.mu.Unlock()
	for range []string{first, second} {
		if answer := <-o.answers; answer.GetCode() != 0 {
			t.Errorf("%v", answer)
		}
	}
	accepted(t, listener)
	if came() != 2 {
		t.Errorf("%d streams were opened instead of one for each way", came())
	}
}

func TestTheEndOfAConnectionIsReportedAfterItsPathThoughThatReportIsHeldUp(t *testing.T) {
	o, me := newOrdering(t)
	listener := listen(t, me)
	held := o.hold()
	o.order(t, &pb.Connection{
		Role: pb.ConnectionRole_CONNECTION_ROLE_GATHER, Fallback: pb.ConnectionFallback_CONNECTION_FALLBACK_IMMEDIATE,
	})
	o.order(t, &pb.Connection{Role: pb.ConnectionRole_CONNECTION_ROLE_RELAY, RelayStreamId: 1, RelayBranchId: 2})
	conn := accepted(t, listener)
	o.awaitHeld(t)
	conn.Abort()
	o.expectNothingLeft(t, me)
	if early := o.reports(); len(early) != 0 {
		t.Errorf("%v", early)
	}
	close(held)
	reports := o.awaitReports(t, 2)
	if reports[0].GetPath() != pb.PathKind_PATH_KIND_RELAYED || reports[1].GetState() != pb.LinkState_LINK_STATE_LOST {
		t.Errorf("%v", reports)
	}
}

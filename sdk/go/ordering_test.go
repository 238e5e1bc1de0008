package switchyard

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	pb "switchyard.example/switchyard/v1"
)

const connectionOfTest = "c"

// A server with one session: it gives that its orders by the attachment, and takes the answers.
type ordering struct {
	pb.UnimplementedSessionServiceServer
	network    *punching
	rendezvous []*pb.RendezvousAddress
	orders     chan *pb.Order
	answers    chan *pb.AnswerRequest
	given      int
	// What the next report waits for on its way.
	held chan struct{}
	mu   sync.Mutex
	// The reports that came, in their order.
	reported []*pb.ReportLinkRequest
}

func (o *ordering) Session(context.Context, *pb.SessionRequest) (*pb.SessionResponse, error) {
	ttl := durationpb.New(time.Minute)
	return &pb.SessionResponse{InstanceSid: 5, SessionToken: "token", Ttl: ttl, Rendezvous: o.rendezvous}, nil
}

func (o *ordering) Attach(_ *pb.AttachRequest, call pb.SessionService_AttachServer) error {
	if err := call.Send(&pb.AttachResponse{}); err != nil {
		return err
	}
	for {
		select {
		case order := <-o.orders:
			if err := call.Send(&pb.AttachResponse{Order: order}); err != nil {
				return err
			}
		case <-call.Context().Done():
			return nil
		}
	}
}

func (o *ordering) Answer(_ context.Context, answer *pb.AnswerRequest) (*pb.AnswerResponse, error) {
	o.answers <- answer
	return &pb.AnswerResponse{}, nil
}

func (o *ordering) reports() []*pb.ReportLinkRequest {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]*pb.ReportLinkRequest(nil), o.reported...)
}

// What the server says of connections.
type orderingNetwork struct {
	pb.UnimplementedNetworkServiceServer
	*ordering
}

func (o orderingNetwork) DirectConnection(context.Context, *pb.DirectConnectionRequest) (*pb.DirectConnectionResponse, error) {
	return &pb.DirectConnectionResponse{Request: &pb.Connection{ConnectionId: connectionOfTest}}, nil
}

func (o orderingNetwork) ReportLink(_ context.Context, report *pb.ReportLinkRequest) (*pb.ReportLinkResponse, error) {
	o.mu.Lock()
	held := o.held
	o.held = nil
	o.mu.Unlock()
	if held != nil {
		<-held
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reported = append(o.reported, report)
	return &pb.ReportLinkResponse{}, nil
}

func (o orderingNetwork) GetConnection(
	ctx context.Context, request *pb.GetConnectionRequest,
) (*pb.GetConnectionResponse, error) {
	return o.network.GetConnection(ctx, request)
}

// That server, and an instance that is attached to it.
func newOrdering(t *testing.T) (*ordering, *Instance) {
	t.Helper()
	host, port, _ := net.SplitHostPort(rendezvous(t))
	number, _ := strconv.Atoi(port)
	o := &ordering{
		network: &punching{asked: func(int) {}}, rendezvous: []*pb.RendezvousAddress{{Host: host, Port: int32(number)}},
		orders: make(chan *pb.Order), answers: make(chan *pb.AnswerRequest, 16),
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterSessionServiceServer(server, o)
	pb.RegisterNetworkServiceServer(server, orderingNetwork{ordering: o})
	relay := &breakingRelay{random: rand.New(rand.NewSource(1))}
	relay.news = sync.NewCond(&relay.mu)
	pb.RegisterStreamServiceServer(server, relay)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	client, err := New(listener.Addr().String(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	me := client.Join(InstanceOptions{UUID: "6f1d2c3b-0000-4000-8000-00000000900d", Type: 2})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := me.Attached(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(me.Detach)
	return o, me
}

// Gives an order about the connection under an id of its own, as one is whose answer was forgotten.
func (o *ordering) begin(t *testing.T, order *pb.Connection) string {
	t.Helper()
	o.given++
	id := fmt.Sprint("order ", o.given)
	order.ConnectionId, order.PeerCvid, order.Type = connectionOfTest, 7, pb.LinkType_LINK_TYPE_TRANSPORT_TCP
	o.orders <- &pb.Order{OrderId: id, Kind: &pb.Order_Connection{Connection: order}}
	return id
}

// Gives an order, and waits for its answer.
func (o *ordering) order(t *testing.T, order *pb.Connection) *pb.AnswerRequest {
	t.Helper()
	return o.answer(t, o.begin(t, order))
}

func (o *ordering) answer(t *testing.T, id string) *pb.AnswerRequest {
	t.Helper()
	select {
	case answer := <-o.answers:
		if answer.GetOrderId() != id {
			t.Fatalf("%v instead of the answer to %s", answer, id)
		}
		return answer
	case <-time.After(20 * time.Second):
		t.Fatalf("%s was not answered", id)
		return nil
	}
}

// Waits until the instance's reports are so many.
func (o *ordering) awaitReports(t *testing.T, count int) []*pb.ReportLinkRequest {
	t.Helper()
	for late := time.Now().Add(10 * time.Second); len(o.reports()) < count; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("%v instead of %d reports", o.reports(), count)
		}
	}
	return o.reports()
}

// The peer of that connection.
func newPeer(t *testing.T, o *ordering) end {
	t.Helper()
	identity, err := newPeerIdentity()
	if err != nil {
		t.Fatal(err)
	}
	place := o.rendezvous[0]
	sockets, err := newPuncher(context.Background(), []string{net.JoinHostPort(place.Host, strconv.Itoa(int(place.Port)))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sockets.close)
	return end{sockets, peerProof{identity: identity, spoken: spokenDirect}}
}

// Orders to gather, as a peer's request does; answers with what this end has gathered.
func (o *ordering) gather(t *testing.T, peer *end) *pb.GatherAnswer {
	t.Helper()
	answer := o.order(t, &pb.Connection{
		Role: pb.ConnectionRole_CONNECTION_ROLE_GATHER, Rendezvous: o.rendezvous,
		Fallback: pb.ConnectionFallback_CONNECTION_FALLBACK_LATE,
	})
	gathered := &pb.GatherAnswer{}
	if err := proto.Unmarshal(answer.GetData(), gathered); err != nil || answer.GetCode() != 0 {
		t.Fatalf("%v, %v", answer, err)
	}
	peer.proof.peerKey = gathered.GetPublicKey()
	return gathered
}

// Orders an attempt at both ends, and answers with the peer's end of the path and this end's answer.
func (o *ordering) attempt(
	t *testing.T, peer end, theirs []*pb.Candidate, role pb.ConnectionRole, attempt int32,
) (*carrier, *pb.AnswerRequest) {
	t.Helper()
	peer.proof.controlling = role == pb.ConnectionRole_CONNECTION_ROLE_PUNCH_CONTROLLED
	order := orderTo(peer, byte(attempt))
	order.Role, order.Attempt, order.PeerPublicKey = role, attempt, peer.proof.identity.publicKey
	path := make(chan *carrier, 1)
	go func() {
		found, _ := try(peer, &pb.Connection{Candidates: theirs, Nonce: order.Nonce})
		path <- found
	}()
	answer := o.order(t, order)
	return <-path, answer
}

func isConnected(t *testing.T, answer *pb.AnswerRequest) bool {
	t.Helper()
	punched := &pb.PunchAnswer{}
	if err := proto.Unmarshal(answer.GetData(), punched); err != nil || answer.GetCode() != 0 {
		t.Fatalf("%v, %v", answer, err)
	}
	return punched.GetConnected()
}

// The next connection of a listener.
func accepted(t *testing.T, listener *Listener) *Conn {
	t.Helper()
	came := make(chan *Conn, 1)
	go func() {
		if conn, err := listener.AcceptPeer(); err == nil {
			came <- conn
		}
	}()
	select {
	case conn := <-came:
		return conn
	case <-time.After(10 * time.Second):
		t.Fatal("no connection came")
		return nil
	}
}

// Both ends of a connection still have it.
func expectEcho(t *testing.T, conn *Conn, peer *carrier) {
	t.Helper()
	if _, err := peer.Write([]byte("still here")); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	got := make([]byte, 10)
	if _, err := conn.Read(got); err != nil || string(got) != "still here" {
		t.Errorf("%q, %v", got, err)
	}
}

func listen(t *testing.T, me *Instance) *Listener {
	t.Helper()
	listener, err := me.Listen(ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

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

// What the request of a Dial has named.
func (o *ordering) gatheredByCaller(t *testing.T, me *Instance, peer *end) []*pb.Candidate {
	t.Helper()
	for late := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		all := me.connections
		all.mu.Lock()
		b := all.byID[connectionOfTest]
		all.mu.Unlock()
		if b != nil {
			peer.proof.peerKey = all.identity.publicKey
			return b.sockets.candidates
		}
		if time.Now().After(late) {
			t.Fatal("the server was not asked")
		}
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
	// As if nearly all of the time had passed for which they are kept.
	b.sparing.Reset(time.Second)
	all.mu.Unlock()
	nobody := o.order(t, &pb.Connection{Role: role, Attempt: 2, PeerPublicKey: peer.proof.identity.publicKey})
	punched := &pb.PunchAnswer{}
	if err := proto.Unmarshal(nobody.GetData(), punched); err != nil || punched.GetConnected() {
		t.Fatalf("%v, %v", nobody, err)
	}
	if took := punched.GetTook().AsDuration(); took < attemptTime {
		t.Errorf("the attempt was cut after %v", took)
	}
	path, answer := o.attempt(t, peer, theirs, role, 3)
	if path == nil || !isConnected(t, answer) {
		t.Fatalf("%v", answer)
	}
	expectEcho(t, accepted(t, listener), path)
}

func TestTheEndOfAConnectionIsReportedAfterItsPathThoughThatReportIsHeldUp(t *testing.T) {
	o, me := newOrdering(t)
	listener := listen(t, me)
	held := make(chan struct{})
	o.mu.Lock()
	o.held = held
	o.mu.Unlock()
	o.order(t, &pb.Connection{
		Role: pb.ConnectionRole_CONNECTION_ROLE_GATHER, Fallback: pb.ConnectionFallback_CONNECTION_FALLBACK_IMMEDIATE,
	})
	o.order(t, &pb.Connection{Role: pb.ConnectionRole_CONNECTION_ROLE_RELAY, RelayStreamId: 1, RelayBranchId: 2})
	accepted(t, listener).Abort()
	time.Sleep(200 * time.Millisecond)
	if early := o.reports(); len(early) != 0 {
		t.Errorf("%v", early)
	}
	close(held)
	reports := o.awaitReports(t, 2)
	if reports[0].GetPath() != pb.PathKind_PATH_KIND_RELAYED || reports[1].GetState() != pb.LinkState_LINK_STATE_LOST {
		t.Errorf("%v", reports)
	}
}

package switchyard

import (
	"context"
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
	relay      *breakingRelay
	rendezvous []*pb.RendezvousAddress
	orders     chan *pb.Order
	// What attachments end with.
	ends    chan error
	answers chan *pb.AnswerRequest
	given   int
	// What the next report waits for on its way.
	held chan struct{}
	mu   sync.Mutex
	// Requests for connections are not answered.
	unanswered bool
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
		case end := <-o.ends:
			return end
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

func (o orderingNetwork) DirectConnection(
	ctx context.Context, _ *pb.DirectConnectionRequest,
) (*pb.DirectConnectionResponse, error) {
	o.mu.Lock()
	unanswered := o.unanswered
	o.mu.Unlock()
	if unanswered {
		<-ctx.Done()
	}
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
		orders: make(chan *pb.Order), ends: make(chan error), answers: make(chan *pb.AnswerRequest, 16),
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterSessionServiceServer(server, o)
	pb.RegisterNetworkServiceServer(server, orderingNetwork{ordering: o})
	o.relay = &breakingRelay{random: rand.New(rand.NewSource(1))}
	o.relay.news = sync.NewCond(&o.relay.mu)
	pb.RegisterStreamServiceServer(server, o.relay)
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

// Waits until the instance carries out an order, or does not any more.
func awaitRunning(t *testing.T, orders *orders, id string, is bool) {
	t.Helper()
	until(t, fmt.Sprintf("%s: carried out is not %v", id, is), func() bool {
		orders.mu.Lock()
		defer orders.mu.Unlock()
		return orders.running[id] == is
	})
}

// The orders of an instance's session.
func ordersOf(me *Instance) *orders {
	me.mu.Lock()
	defer me.mu.Unlock()
	return me.orders
}

// Waits until an attempt of a connection is under way, and returns it.
func awaitRace(t *testing.T, b *brokered) *race {
	t.Helper()
	var found *race
	until(t, "no attempt is under way", func() bool {
		b.all.mu.Lock()
		sockets := b.sockets
		b.all.mu.Unlock()
		sockets.mu.Lock()
		defer sockets.mu.Unlock()
		found = sockets.race
		return found != nil
	})
	return found
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

// What the request of a Dial has named.
func (o *ordering) gatheredByCaller(t *testing.T, me *Instance, peer *end) []*pb.Candidate {
	t.Helper()
	b := o.awaitConnection(t, me)
	peer.proof.peerKey = me.connections.identity.publicKey
	return b.sockets.candidates
}

// The connection, once the instance knows it.
func (o *ordering) awaitConnection(t *testing.T, me *Instance) *brokered {
	t.Helper()
	for late := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		all := me.connections
		all.mu.Lock()
		b := all.byID[connectionOfTest]
		all.mu.Unlock()
		if b != nil {
			return b
		}
		if time.Now().After(late) {
			t.Fatal("the instance knows nothing of the connection")
		}
	}
}

func (o *ordering) expectNothingLeft(t *testing.T, me *Instance) {
	t.Helper()
	all := func() int { return len(me.connections.list(func(*brokered) bool { return true })) }
	for late := time.Now().Add(2 * time.Second); all() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("%d connections are left", all())
		}
	}
}

package switchyard

import (
	"context"
	"net"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	pb "switchyard.example/switchyard/v1"
)

func TestServersAreLeftAfterTheErrorsThatTheDocumentSays(t *testing.T) {
	wanted := map[string]string{}
	for _, row := range table(t, "Several servers")[1:] {
		for _, name := range strings.Split(strings.TrimSuffix(row[0], " without a reason"), ", ") {
			wanted[name] = row[1]
		}
	}
	for _, reason := range []string{"OVERLOADED", "PATH_FAILED", "ISSUER_UNAVAILABLE"} {
		wanted[reason] = wanted["any other"]
	}
	for name := range codeNames() {
		if wanted[name] == "" {
			wanted[name] = wanted["any other"]
		}
	}
	delete(wanted, "any other")
	for name, want := range wanted {
		err := errorNamed(name)
		isBoth := name == "INTERNAL"
		if err.Reason != "" || isBoth {
			err = &Error{Code: codes.Unavailable, Reason: name}
		}
		if got := map[bool]string{true: "is left", false: "is not left"}[isOfServer(err)]; got != want {
			t.Errorf("%s: the server %s instead of %s", name, got, want)
		}
		if isBoth && !isOfServer(&Error{Code: codes.Internal}) {
			t.Errorf("the code %s: the server is not left", name)
		}
	}
}

func TestServersThatAreToldNowAreAskedFirstAndThoseToldBeforeLast(t *testing.T) {
	servers := newServerList([]string{"a:1", "b:1", "a:1"}, func() float64 { return 0 })
	servers.learn([]string{"c:1", "d:1"})
	servers.learn([]string{"d:1"})
	servers.learn(nil)
	if got := orderOf(servers); !reflect.DeepEqual(got, []string{"d:1", "a:1", "b:1", "c:1"}) {
		t.Errorf("%v", got)
	}
	for nth := 0; nth < 3*serversMax; nth++ {
		servers.learn([]string{"told:" + strconv.Itoa(nth+1)})
	}
	if got := servers.size(); got != 2+1+serversMax {
		t.Errorf("%d addresses are known", got)
	}
}

func TestServersTakeNothingThatIsNamedButHostAndPortOf261Bytes(t *testing.T) {
	servers := newServerList([]string{"a:1"}, func() float64 { return 0 })
	longest := strings.Repeat("b", serverBytesMax-2) + ":1"
	wrong := []string{
		"unix:/run/a.sock", "unix:1", "dns:///a:1", "dns:1", "ipv4:127.0.0.1:1,127.0.0.2:1", "a", "a:0", "a:65536", "a b:1", "::1:1",
		"[::g]:1", "[127.0.0.1]:1", "", strings.Repeat("a", serverBytesMax-1) + ":1", strings.Repeat("ä", serverBytesMax/2) + ":1",
	}
	servers.learn(append(wrong, longest, "[::1]:65535"))
	servers.learn(wrong)
	if got := orderOf(servers); !reflect.DeepEqual(got, []string{longest, "[::1]:65535", "a:1"}) {
		t.Errorf("%q", got)
	}
}

func orderOf(servers *serverList) []string {
	var order []string
	for tried := map[string]bool{}; ; {
		next, ok := servers.pick(tried)
		if !ok {
			return order
		}
		order = append(order, next)
		tried[next] = true
	}
}

// A way to no server at all, of which nothing is asked.
func noServer() *server {
	random := func() float64 { return 0 }
	return newServer(&route{channels: &channels{}, servers: newServerList(nil, random)}, defaultNetwork, random)
}

// One of several servers: it answers at a revision, until it refuses.
type oneOfSeveral struct {
	pb.UnimplementedSessionServiceServer
	address string

	mu      sync.Mutex
	asked   int
	after   []string
	refusal error
	// It refuses only what asks for a revision that it has not.
	isBehind bool
}

func (o *oneOfSeveral) refuse(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refusal = err
}

func (o *oneOfSeveral) heard() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.after...)
}

func (o *oneOfSeveral) ListSessions(ctx context.Context, _ *pb.ListSessionsRequest) (*pb.ListSessionsResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked++
	md, _ := metadata.FromIncomingContext(ctx)
	o.after = append(o.after, strings.Join(md.Get(afterMetadata), " "))
	if o.refusal != nil && (!o.isBehind || len(md.Get(afterMetadata)) > 0) {
		return nil, o.refusal
	}
	return &pb.ListSessionsResponse{Position: &pb.Position{Epoch: "e", Revision: 7}}, nil
}

func serveOneOfSeveral(t *testing.T) *oneOfSeveral {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	one := &oneOfSeveral{address: listener.Addr().String()}
	server := grpc.NewServer()
	pb.RegisterSessionServiceServer(server, one)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	return one
}

// A client of several servers, which begins at the first.
func newRoaming(t *testing.T, address string, others ...string) *Client {
	t.Helper()
	client, err := New(address, Options{Servers: others, Random: func() float64 { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func list(c *Client) error {
	return c.ListSessions(context.Background(), func(*pb.Session) bool { return true })
}

// An address at which nothing listens.
func emptyAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func awayFor(t *testing.T, reason string, servers ...string) error {
	t.Helper()
	info := &errdetails.ErrorInfo{Reason: reason, Metadata: map[string]string{"servers": strings.Join(servers, ",")}}
	refusal, err := status.New(codes.Unavailable, "away").WithDetails(info)
	if err != nil {
		t.Fatal(err)
	}
	return refusal.Err()
}

func TestServersToWhichNoConnectionCanBeMadeAreSkippedWithinOneCall(t *testing.T) {
	there := serveOneOfSeveral(t)
	client := newRoaming(t, emptyAddress(t), emptyAddress(t), there.address)
	limited, cancel := context.WithTimeout(context.Background(), connectWithin)
	defer cancel()
	// Not one of those that are repeated.
	_, err := call(limited, client.caller, client.server.sessions.ListSessions, &pb.ListSessionsRequest{}, false)
	if err != nil || client.server.address() != there.address {
		t.Errorf("%v at %s", err, client.server.address())
	}
}

func TestServersAreAskedForWhatWasSeenAfterAChangeUntilOneHasAnswered(t *testing.T) {
	one, other := serveOneOfSeveral(t), serveOneOfSeveral(t)
	client := newRoaming(t, one.address, other.address)
	if err := list(client); err != nil {
		t.Fatal(err)
	}
	one.refuse(awayFor(t, "DRAINING"))
	for nth := 0; nth < 2; nth++ {
		if err := list(client); err != nil {
			t.Fatal(err)
		}
	}
	if got := other.heard(); !reflect.DeepEqual(got, []string{"7", ""}) {
		t.Errorf("the second server was asked for %q", got)
	}
}

func TestServersAreAskedForNothingOfAnotherHistoryOnceAllWereBehind(t *testing.T) {
	one, other := serveOneOfSeveral(t), serveOneOfSeveral(t)
	client := newRoaming(t, one.address, other.address)
	if err := list(client); err != nil {
		t.Fatal(err)
	}
	one.refuse(awayFor(t, "DRAINING"))
	other.isBehind = true
	other.refuse(awayFor(t, "BEHIND"))
	if err := list(client); err != nil {
		t.Fatal(err)
	}
	if got := other.heard(); !reflect.DeepEqual(got, []string{"7", ""}) {
		t.Errorf("the second server was asked for %q", got)
	}
}

func TestServersThatARefusalNamesAreGoneTo(t *testing.T) {
	one, named := serveOneOfSeveral(t), serveOneOfSeveral(t)
	one.refuse(awayFor(t, "DRAINING", named.address))
	client := newRoaming(t, one.address)
	if err := list(client); err != nil {
		t.Fatal(err)
	}
	if got := client.server.address(); got != named.address {
		t.Errorf("calls go to %s", got)
	}
}

func TestServersStayForAnInstanceWhenAnotherOneLeavesThem(t *testing.T) {
	one, other := serveOneOfSeveral(t), serveOneOfSeveral(t)
	client := newRoaming(t, one.address, other.address)
	first, second := client.server.ofInstance(), client.server.ofInstance()
	if !first.moveOn(&Error{Code: codes.Unavailable}) {
		t.Fatal("it stays")
	}
	third := client.server.ofInstance()
	third.release()
	third.release()
	if third.leave(one.address) {
		t.Error("a way that was released moves on")
	}
	first.release()
	if _, err := call(context.Background(), newCaller(second, nil), second.sessions.ListSessions, &pb.ListSessionsRequest{}, false); err != nil {
		t.Error(err)
	}
	client.server.channels.mu.Lock()
	defer client.server.channels.mu.Unlock()
	if open := client.server.channels.open; len(open) != 1 || open[one.address] == nil || open[one.address].users != 2 {
		t.Errorf("%v", open)
	}
}

func TestServersOfAClosedClientEndTheInstancesThatJoin(t *testing.T) {
	client := newRoaming(t, emptyAddress(t))
	client.Close()
	instance := client.Join(InstanceOptions{UUID: "7f3b6f0e-4a34-4f0e-9a53-0d9f7d2a4c11", Type: pb.InstanceType(3)})
	select {
	case <-instance.Done():
	case <-time.After(connectWithin):
		t.Fatal("it goes on")
	}
	if err := instance.Err(); err != ErrClosed {
		t.Errorf("%v", err)
	}
}

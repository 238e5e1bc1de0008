package switchyard

import (
	"context"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	pb "switchyard.example/switchyard/v1"
)

// The metadata that asks a server for at least a revision.
const afterMetadata = "switchyard-after"

// Reasons by which a server is left. Where a reason is said, it decides: what another server would answer too, or what is about a
// peer, says nothing of this one.
var reasonsOfServers = map[string]bool{
	"DRAINING": true, "JOURNAL_UNAVAILABLE": true, "BEHIND": true, "SERVER_CUT_OFF": true, outcomeUnknown: true, "INTERNAL": true,
}

// Whether an error is of its server: it is away or goes down, it does not answer, or it has lost the others.
func isOfServer(err *Error) bool {
	switch err.Code {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Internal, codes.Unknown:
		return err.Reason == "" || reasonsOfServers[err.Reason]
	default:
		return false
	}
}

// route is a way to the servers of one network, for gRPC's stubs: calls go to one of them, any at first, until it fails; then to
// the others. After a change of servers calls ask for at least the revision that was seen, so that a client reads its own writes,
// until one was answered.
type route struct {
	channels *channels
	servers  *serverList
	// Whether a call that fails as a server does that is away moves the calls after it: nothing else would notice.
	isEager bool

	mu    sync.Mutex
	here  *usedChannel
	since time.Time
	// Asked since the last rest, or since one of them stood for long.
	tried map[string]bool
	seen  *pb.Position
	// The server has yet to answer as of what was seen.
	isOwed bool
	// Its user is over: calls may still be made, and it moves no more.
	isReleased bool
}

func newRoute(c *channels, servers *serverList, isEager bool) (*route, error) {
	r := &route{channels: c, servers: servers, isEager: isEager, since: time.Now(), tried: map[string]bool{}}
	first, ok := servers.pick(r.tried)
	if !ok {
		return nil, newError(codes.InvalidArgument, "at least one address is needed")
	}
	here, err := c.use(first)
	r.here = here
	return r, err
}

// Another way to the same servers, which begins where this one is.
func (r *route) sibling() *route {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.channels.share(r.here)
	return &route{channels: r.channels, servers: r.servers, here: r.here, since: time.Now(), tried: map[string]bool{}}
}

func (r *route) address() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.here.address
}

// Its user is over. Calls that run go on.
func (r *route) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.isReleased {
		r.isReleased = true
		r.channels.release(r.here)
	}
}

// Goes on at another server after an error, if that is one that another may not give. True: it was not asked since the last rest,
// so there is no need to wait.
func (r *route) moveOn(err *Error) bool {
	if !isOfServer(err) || r.servers.size() < 2 {
		return false
	}
	from := err.server
	if from == "" {
		from = r.address()
	}
	if r.leave(from) {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	// All were asked. One that is at another history would never reach what was seen of this one.
	r.tried, r.isOwed = map[string]bool{}, false
	return false
}

// Leaves a server for one that was not tried lately. False: there is none. True also where it was left already.
func (r *route) leave(from string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if from != r.here.address {
		return true
	}
	if r.isReleased {
		return false
	}
	if time.Since(r.since) >= steady {
		r.tried = map[string]bool{}
	}
	r.tried[from] = true
	for {
		address, ok := r.servers.pick(r.tried)
		if !ok {
			return false
		}
		next, err := r.channels.use(address)
		if err != nil {
			// It is no address, or the client is closed.
			r.tried[address] = true
			continue
		}
		r.channels.release(r.here)
		r.here, r.since, r.isOwed = next, time.Now(), true
		return true
	}
}

// The server that the next call goes to: where several are known, one to which there is a connection, if there is such a one. It
// is to be released after the call.
func (r *route) enter(ctx context.Context) (*usedChannel, context.Context, error) {
	for {
		address := r.address()
		used, err := r.channels.use(address)
		if err != nil {
			return nil, nil, err
		}
		if r.servers.size() < 2 || used.ready(ctx, connectWithin) || ctx.Err() != nil || !r.leave(address) {
			return used, r.withAfter(ctx), nil
		}
		r.channels.release(used)
	}
}

func (r *route) withAfter(ctx context.Context) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.isOwed || r.seen == nil {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, afterMetadata, strconv.FormatUint(r.seen.GetRevision(), 10))
}

// Invoke makes a unary call, at the server of the moment.
func (r *route) Invoke(ctx context.Context, method string, request, response any, options ...grpc.CallOption) error {
	used, to, err := r.enter(ctx)
	if err != nil {
		return err
	}
	defer r.channels.release(used)
	if err := used.Invoke(to, method, request, response, options...); err != nil {
		failure := r.failed(used.address, err)
		if r.isEager && isOfServer(failure) && ctx.Err() == nil {
			r.leave(used.address)
		}
		return failure
	}
	r.answered(used.address, response)
	return nil
}

// NewStream begins a stream, at the server of the moment.
func (r *route) NewStream(
	ctx context.Context, description *grpc.StreamDesc, method string, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	used, to, err := r.enter(ctx)
	if err != nil {
		return nil, err
	}
	to, end := context.WithCancel(to)
	go func() {
		<-to.Done()
		r.channels.release(used)
	}()
	stream, err := used.NewStream(to, description, method, options...)
	if err != nil {
		end()
		return nil, r.failed(used.address, err)
	}
	return &routedStream{stream, r, used.address, end}, nil
}

// routedStream is a stream of which is known at which server it is.
type routedStream struct {
	grpc.ClientStream
	route   *route
	address string
	end     context.CancelFunc
}

// RecvMsg receives a message.
func (s *routedStream) RecvMsg(message any) error {
	err := s.ClientStream.RecvMsg(message)
	if err == nil {
		s.route.answered(s.address, message)
		return nil
	}
	s.end()
	if err == io.EOF {
		return err
	}
	return s.route.failed(s.address, err)
}

// Takes what an answer tells of the network and its servers.
func (r *route) answered(address string, message any) {
	if naming, ok := message.(interface{ GetServers() []string }); ok {
		r.servers.learn(naming.GetServers())
	}
	position := positionOf(message)
	if attached, ok := message.(*pb.AttachResponse); ok {
		heartbeat := attached.GetOrder().GetHeartbeat()
		r.servers.learn(heartbeat.GetServers())
		position = heartbeat.GetPosition()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if address == r.here.address {
		r.isOwed = false
	}
	isNewer := r.seen.GetEpoch() != position.GetEpoch() || r.seen.GetRevision() < position.GetRevision()
	if position.GetEpoch() != "" && isNewer {
		r.seen = position
	}
}

// Where the network stands by a message, and nil when it does not say.
func positionOf(message any) *pb.Position {
	if dated, ok := message.(interface{ GetPosition() *pb.Position }); ok {
		return dated.GetPosition()
	}
	return nil
}

// Reads an error of a server, which may name others.
func (r *route) failed(address string, err error) *Error {
	failure := errorOf(err)
	failure.server = address
	if servers := failure.Metadata["servers"]; servers != "" {
		r.servers.learn(strings.Split(servers, ","))
	}
	return failure
}

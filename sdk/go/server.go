package switchyard

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	connectbackoff "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	pb "switchyard.example/switchyard/v1"
)

// The network of those who name none, and the metadata that names one.
const (
	defaultNetwork  = "default"
	networkMetadata = "switchyard-network"
)

// server is a way to a network of a server, or of several, and the stubs of its services.
type server struct {
	*route
	random func() float64
	// By which proofs are signed.
	networkName string
	sessions    pb.SessionServiceClient
	network     pb.NetworkServiceClient
	streams     pb.StreamServiceClient
	identities  pb.IdentityServiceClient
}

func dialServer(address string, options Options, random func() float64) (*server, error) {
	security := grpc.WithInsecure()
	if options.TLS != nil {
		security = grpc.WithTransportCredentials(credentials.NewTLS(options.TLS))
	}
	networkName := options.Network
	if networkName == "" {
		networkName = defaultNetwork
	}
	here := inNetwork(options.Network)
	dialOptions := []grpc.DialOption{security, grpc.WithUnaryInterceptor(here.unary), grpc.WithStreamInterceptor(here.stream),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           connectbackoff.Config{BaseDelay: reconnectAfter, Multiplier: 1, MaxDelay: reconnectAfter},
			MinConnectTimeout: callTimeout,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingAfter, Timeout: pingTimeout, PermitWithoutStream: true}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(messageBytesMax)),
		// The waits of this client decide about tries, and not gRPC's.
		grpc.WithDisableRetry(),
	}
	dial := func(address string) (*grpc.ClientConn, error) { return grpc.Dial(address, dialOptions...) }
	way, err := newRoute(
		&channels{dial: dial, open: map[string]*usedChannel{}},
		newServerList(append([]string{address}, options.Servers...), random), true,
	)
	if err != nil {
		return nil, err
	}
	return newServer(way, networkName, random), nil
}

func newServer(way *route, networkName string, random func() float64) *server {
	return &server{
		route: way, random: random, networkName: networkName,
		sessions: pb.NewSessionServiceClient(way), network: pb.NewNetworkServiceClient(way),
		streams: pb.NewStreamServiceClient(way), identities: pb.NewIdentityServiceClient(way),
	}
}

// An instance's own way to the network: it moves when the instance does.
func (s *server) ofInstance() *server { return newServer(s.sibling(), s.networkName, s.random) }

// The host by which the server is reached, and its rendezvous where that says no host.
func (s *server) host() string { return hostOf(s.address()) }

// inNetwork says in the metadata of every call which network it is about. Empty: nothing is said.
type inNetwork string

func (n inNetwork) of(ctx context.Context) context.Context {
	if n == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, networkMetadata, string(n))
}

func (n inNetwork) unary(
	ctx context.Context, method string, request, response any, channel *grpc.ClientConn, invoke grpc.UnaryInvoker,
	options ...grpc.CallOption,
) error {
	return invoke(n.of(ctx), method, request, response, channel, options...)
}

func (n inNetwork) stream(
	ctx context.Context, description *grpc.StreamDesc, channel *grpc.ClientConn, method string, open grpc.Streamer,
	options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return open(n.of(ctx), description, channel, method, options...)
}

const thisMachine = "127.0.0.1"

// The host of an address as gRPC reads it: with a port or without one, with `dns:///` before it or not. A server that is reached by
// a socket of Unix, or by a port alone, is on this machine.
func hostOf(address string) string {
	if strings.HasPrefix(address, "unix:") || strings.HasPrefix(address, "unix-abstract:") {
		return thisMachine
	}
	rest := address[strings.LastIndex(address, "/")+1:]
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, "dns:"), "passthrough:")
	host, _, err := net.SplitHostPort(rest)
	if err != nil {
		host = strings.Trim(rest, "[]")
	}
	if host == "" {
		return thisMachine
	}
	return host
}

func (s *server) checkOpen() error {
	if s.channels.hasClosed() {
		return ErrClosed
	}
	return nil
}

// Ends every call at once.
func (s *server) close() { s.channels.close() }

// An error of a call over this channel. Closing the channel ends calls with codes that say nothing of that.
func (s *server) errorOf(ctx context.Context, err error) *Error {
	if s.channels.hasClosed() && ctx.Err() == nil {
		return ErrClosed
	}
	return errorOf(err)
}

// The reason of a refusal after which a caller shows itself on the connection, and tries once more.
const authRequired = "AUTH_REQUIRED"

// caller is as whom calls are made.
type caller struct {
	server *server
	// The metadata of a call; may wait until there is some.
	credentials func(context.Context) (metadata.MD, error)
	// Told of each refusal and the credentials it came for. True: the next call has other credentials, or none.
	failed func(*Error, metadata.MD) bool
	// Shows the caller's identity on the connection of the moment. False: it has none.
	show func(context.Context) (bool, error)
}

func newCaller(s *server, md metadata.MD) *caller {
	return &caller{
		server:      s,
		credentials: func(context.Context) (metadata.MD, error) { return md, nil },
		failed:      func(*Error, metadata.MD) bool { return false },
		show:        func(context.Context) (bool, error) { return false, nil },
	}
}

type method[Request, Response any] func(context.Context, *Request, ...grpc.CallOption) (*Response, error)

// Makes one call. Without a deadline it has that of the lifecycle. `retry` tries again while the server is away or asks for
// patience: only for what may be done twice.
func call[Request, Response any](
	ctx context.Context, c *caller, invoke method[Request, Response], request *Request, retry bool,
) (*Response, error) {
	if _, ok := ctx.Deadline(); !ok {
		limited, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		ctx = limited
	}
	waits := c.server.newBackoff()
	for hasShown := false; ; {
		md, err := c.credentials(ctx)
		if err != nil {
			return nil, credentialsError(err)
		}
		if err := c.server.checkOpen(); err != nil {
			return nil, err
		}
		response, err := invoke(metadata.NewOutgoingContext(ctx, md), request)
		if err == nil {
			return response, nil
		}
		failure := c.server.errorOf(ctx, err)
		if !hasShown && failure.Reason == authRequired {
			hasShown = true
			if shown, _ := c.show(ctx); shown {
				continue
			}
		}
		c.failed(failure, md)
		// What may be done twice may be repeated, too, where nobody knows whether it was done.
		mayRepeat := failure.Temporary() || failure.Reason == outcomeUnknown
		if retry && mayRepeat && c.server.moveOn(failure) {
			continue
		}
		if !retry || !mayRepeat || !sleepBefore(ctx, waits.afterFailure(failure.RetryAfter, 0)) {
			return nil, failure
		}
	}
}

// Waits, and answers at once with false where the deadline comes before that.
func sleepBefore(ctx context.Context, delay time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= delay {
		return false
	}
	return sleep(ctx, delay) == nil
}

// Waits. An error of the context: it was over before.
func sleep(ctx context.Context, delay time.Duration) error {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func credentialsError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		failure := newError(codes.DeadlineExceeded, "there was no session in time")
		failure.cause = err
		return failure
	}
	return errorOf(err)
}

// A silence is counted in so many parts, and noticed at most one of them late.
const silenceParts = 4

// The next message of a stream. Gives the call up, and answers with UNAVAILABLE, when nothing comes for so long: a connection
// that is half open looks like a quiet one. The silence is counted in ticks, each armed by the one before: a process that was
// stopped, or a machine that slept, reads what has come meanwhile before it judges.
func receive[Message any](next func() (Message, error), giveUp func(), silence time.Duration) (Message, error) {
	var isSilent, isOver atomic.Bool
	var timer atomic.Pointer[time.Timer]
	left := silenceParts
	tick := func() {
		// One that was under way as the message came may arm the next.
		if isOver.Load() {
			return
		}
		left--
		if left > 0 {
			timer.Load().Reset(silence / silenceParts)
			return
		}
		isSilent.Store(true)
		giveUp()
	}
	// Armed once it is known where it stands.
	timer.Store(time.AfterFunc(time.Hour, tick))
	timer.Load().Reset(silence / silenceParts)
	message, err := next()
	isOver.Store(true)
	timer.Load().Stop()
	if err != nil && isSilent.Load() {
		return message, newError(codes.Unavailable, "the server said nothing for %v", silence)
	}
	return message, err
}

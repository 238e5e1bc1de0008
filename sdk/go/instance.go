package switchyard

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	pb "switchyard.example/switchyard/v1"
)

// InstanceOptions say who joins, and how.
type InstanceOptions struct {
	// Any RFC 9562 UUID. The instance is known by it for ever: a newer session of the same UUID ends the older.
	UUID string
	// 2-7, and 0-31.
	Type   pb.InstanceType
	Flavor pb.InstanceFlavor
	// For people, and for other programs.
	Name   string
	Labels map[string]string
	// How long the session should live without being renewed. 0: the server's default; the server has the last word.
	TTL time.Duration
	// By what the instance proves itself. The first key that it shows binds its UUID.
	Key *SigningKey
	// Whether the instance ends when its session has expired or was lost, instead of opening another.
	NoReopen bool
	// What it does with its orders.
	Handlers Handlers
	// Who is told of what happens.
	Events Events
}

// Events are called one after the other by the goroutine that keeps the instance attached, which waits for them. Problem may
// be called by several at once.
type Events struct {
	// There is a session.
	Opened func(*OwnSession)
	// Orders reach the instance.
	Attached func(*OwnSession)
	// The session is lost, and another one will be opened.
	Lost func(*Error)
	// The attachment or a call broke; it is tried again after the wait.
	Broken func(*Error, time.Duration)
	// A stream, or a branch of one, that begins or ends here has stopped.
	StreamStopped func(*pb.StreamStopped)
	// Something went wrong that nobody waits for.
	Problem func(error)
	// It is over: nil when the instance left, otherwise why.
	Ended func(*Error)
}

// OwnSession is a session of one's own, with the secret that proves it.
type OwnSession struct {
	Cvid       int32
	ServerCvid int32
	ServerUUID string
	// What the server granted.
	TTL time.Duration
	// The stream that exists from the start.
	StreamID int32
	// The revision in which its node entered the graph.
	Position *pb.Position
	// As whom it was opened; nil when nothing was proved.
	Identity *pb.Principal
	// Whoever has it is the session.
	token      string
	rendezvous []*pb.RendezvousAddress
	// Whether the server does once what is asked for again with the same request id: one of 0.1.0, which names no version of the relay,
	// does not look at it.
	takesRequestIDs bool
}

// Instance opens a session, attaches, renews, and comes back over every break and restart of the server with the same session
// for as long as there is one. What it does in which state stands in lifecycle.go. Client.Join makes it.
type Instance struct {
	options     InstanceOptions
	anybody     *caller
	caller      *caller
	connections *connections
	// Used by the goroutine of `run` only. Apart, because a server that has lost the session is there again: no need to wait long.
	attachWaits *backoff
	openWaits   *backoff
	done        chan struct{}
	// Ends with the instance.
	life    context.Context
	endLife context.CancelFunc

	mu       sync.Mutex
	state    State
	since    time.Time
	session  *OwnSession
	orders   *orders
	handlers Handlers
	err      *Error
	// What the last session ended of; nil: none has ended.
	sessionEnd error
	// Closed, and replaced, when the state changes.
	changed chan struct{}
	// What the present state does, and what gives that up.
	turn   *turn
	tells  []func()
	delay  time.Duration
	shower shower
}

// One state's work. What comes of it counts only while it is the instance's turn.
type turn struct {
	state State
	ctx   context.Context
	end   context.CancelFunc
}

func newInstance(s *server, options InstanceOptions) *Instance {
	life, endLife := context.WithCancel(context.Background())
	i := &Instance{
		options: options, anybody: newCaller(s, nil),
		attachWaits: s.newBackoff(), openWaits: s.newBackoff(),
		done: make(chan struct{}), life: life, endLife: endLife,
		state: Opening, since: time.Now(), handlers: options.Handlers, changed: make(chan struct{}),
	}
	i.caller = &caller{server: s, credentials: i.credentials, failed: i.refused, show: i.show}
	i.connections = newConnections(i)
	i.turn = i.newTurn(Opening)
	go i.run()
	return i
}

// State says where the instance stands.
func (i *Instance) State() State {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.state
}

// Session answers with the present session; nil while there is none.
func (i *Instance) Session() *OwnSession {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.session
}

// SetHandlers replaces what the instance does with its orders.
func (i *Instance) SetHandlers(handlers Handlers) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.handlers = handlers
}

// Attached waits until orders reach the instance. An error when it ends before.
func (i *Instance) Attached(ctx context.Context) (*OwnSession, error) {
	return i.await(ctx, func() bool { return i.state == Attached })
}

// Done is closed once the instance is over.
func (i *Instance) Done() <-chan struct{} { return i.done }

// Err says why it is over: nil before, and when it left.
func (i *Instance) Err() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err == nil {
		return nil
	}
	return i.err
}

// Leave says goodbye, and returns when the instance is gone: session, node, links and streams go at once. Connections to peers
// that were closed are completed first. Not to be called by Events.
func (i *Instance) Leave(ctx context.Context) error {
	i.connections.settle(ctx)
	i.happen(nil, leave, nil)
	select {
	case <-i.done:
		return nil
	case <-ctx.Done():
		i.happen(nil, detach, nil)
		return errorOf(ctx.Err())
	}
}

// Detach lets go without a goodbye: the session, its links and its streams stay for their grace.
func (i *Instance) Detach() { i.happen(nil, detach, nil) }

// KeepAlive renews the session, which an attached instance need not do. It answers with where the network stands.
func (i *Instance) KeepAlive(ctx context.Context) (*pb.Position, error) {
	answer, err := call(ctx, i.caller, i.caller.server.sessions.KeepAlive, &pb.KeepAliveRequest{}, false)
	return answer.GetPosition(), err
}

// CreateStream registers a stream from here to the sinks. It is asked for again where its answer was lost, and registered once; a
// server of 0.1.0, which would register another one, is asked once.
func (i *Instance) CreateStream(ctx context.Context, sinks []int32, params *pb.StreamParams) (*pb.Stream, error) {
	id, err := drawRequestID()
	if err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok {
		limited, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		ctx = limited
	}
	// Waits until there is a session, which knows what its server takes.
	if _, err := i.caller.credentials(ctx); err != nil {
		return nil, credentialsError(err)
	}
	session := i.Session()
	mayRepeat := session != nil && session.takesRequestIDs
	request := &pb.CreateStreamRequest{Params: params, SinkCvids: sinks, RequestId: id}
	answer, err := call(ctx, i.caller, i.caller.server.streams.CreateStream, request, mayRepeat)
	return answer.GetStream(), err
}

// TerminateStream destroys a stream of one's own.
func (i *Instance) TerminateStream(ctx context.Context, id int32) error {
	_, err := call(ctx, i.caller, i.caller.server.streams.TerminateStream, &pb.TerminateStreamRequest{Id: id}, false)
	return err
}

// StopStream stops a stream or a branch that begins or ends here, and answers with what that stopped.
func (i *Instance) StopStream(ctx context.Context, id int32) (*pb.StopStreamResponse, error) {
	return call(ctx, i.caller, i.caller.server.streams.StopStream, &pb.StopStreamRequest{Id: id}, false)
}

func (i *Instance) problem(err error) {
	if i.options.Events.Problem != nil {
		i.options.Events.Problem(err)
	}
}

// Waits until something holds, which is asked under the lock.
func (i *Instance) await(ctx context.Context, holds func() bool) (*OwnSession, error) {
	for {
		i.mu.Lock()
		session, state, err, changed := i.session, i.state, i.err, i.changed
		isThere := session != nil && holds()
		i.mu.Unlock()
		if isThere {
			return session, nil
		}
		if state == Ended && err != nil {
			return nil, err
		}
		if state == Ended {
			return nil, ErrLeft
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func missingReason() *Error { return newError(codes.Unknown, "no reason was given") }

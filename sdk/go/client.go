package switchyard

import (
	"context"
	"crypto/tls"
	"math/rand"
	"sync"
	"time"

	"google.golang.org/grpc/metadata"
	pb "switchyard.example/switchyard/v1"
)

// DefaultServer is where a server listens that was told nothing else.
const DefaultServer = "127.0.0.1:8768"

const (
	terminateTimeout = 60 * time.Second
	pageSize         = 500
)

// Options say how to reach a server, and as whom.
type Options struct {
	// Further servers of the same network, each at HOST:PORT: any of all is used until it fails. Servers tell of others.
	Servers []string
	// How to know the server. Nil: in plain text.
	TLS *tls.Config
	// The network of the server to be in. Empty: `default`.
	Network string
	// The calls of the client, but not of its instances, are an administrator's, or the principal's of an access token.
	AdminToken  string
	AccessToken string
	// Draws from [0, 1) for waits. Nil: math/rand.
	Random func() float64
}

// Client is a server, as an observer or an administrator sees it, and the place where instances come from. One object is one
// connection to each server that it uses; as many instances and watches as needed share it, from any goroutine.
type Client struct {
	server    *server
	caller    *caller
	mu        sync.Mutex
	instances map[*Instance]bool
	networks  map[*Network]bool
}

// New makes a client of the server at HOST:PORT. It connects when it is used, and again whenever that is needed.
func New(address string, options Options) (*Client, error) {
	random := options.Random
	if random == nil {
		random = rand.New(&lockedSource{source: rand.NewSource(time.Now().UnixNano())}).Float64
	}
	server, err := dialServer(address, options, random)
	if err != nil {
		return nil, err
	}
	md := metadata.MD{}
	if options.AdminToken != "" {
		md.Set("switchyard-admin", options.AdminToken)
	}
	if options.AccessToken != "" {
		md.Set("switchyard-access", options.AccessToken)
	}
	return &Client{
		server:    server,
		caller:    newCaller(server, md),
		instances: map[*Instance]bool{},
		networks:  map[*Network]bool{},
	}, nil
}

// Join joins the network as an instance, which then stays on it by itself. Returns at once.
func (c *Client) Join(options InstanceOptions) *Instance {
	instance := newInstance(c.server.ofInstance(), options)
	c.mu.Lock()
	c.instances[instance] = true
	c.mu.Unlock()
	go func() {
		<-instance.Done()
		instance.caller.server.release()
		c.mu.Lock()
		delete(c.instances, instance)
		c.mu.Unlock()
	}()
	return instance
}

// WatchNetwork makes a replica of the graph, which keeps itself up to date until it is closed.
func (c *Client) WatchNetwork(options NetworkOptions) *Network {
	watch := c.watchDelta(context.Background(), WatchOptions{Coalesce: options.Coalesce, Cvids: options.Cvids, Broken: options.Broken})
	now := func(ctx context.Context) (*pb.Position, error) {
		// The cheapest call that answers with a position.
		page, err := call(ctx, c.caller, c.server.sessions.ListSessions, &pb.ListSessionsRequest{PageSize: 1}, true)
		return page.GetPosition(), err
	}
	network := &Network{
		options: options, watch: watch, now: now,
		done: make(chan struct{}), graph: NewGraph(), moved: make(chan struct{}),
	}
	c.mu.Lock()
	c.networks[network] = true
	c.mu.Unlock()
	go func() {
		network.run()
		c.mu.Lock()
		delete(c.networks, network)
		c.mu.Unlock()
	}()
	return network
}

// WatchOptions say from where on something is watched, and what of it.
type WatchOptions struct {
	// A position that was told before. Nil: from the beginning.
	After *pb.Position
	// When too much was missed: one delta with the net effect instead of an error. Only for the graph.
	Coalesce bool
	// Only what touches these nodes. Empty: everything.
	Cvids []int32
	// Called when the watch breaks; it is tried again after the wait.
	Broken func(*Error, time.Duration)
}

// WatchNetworkDelta watches the graph: the server's messages as they are, over every break.
func (c *Client) WatchNetworkDelta(ctx context.Context, options WatchOptions) *Watch[*pb.WatchNetworkDeltaResponse] {
	return c.watchDelta(ctx, options)
}

func (c *Client) watchDelta(ctx context.Context, options WatchOptions) *Watch[*pb.WatchNetworkDeltaResponse] {
	plan := watchPlan[*pb.WatchNetworkDeltaResponse]{
		open: func(ctx context.Context, after *pb.Position) (func() (*pb.WatchNetworkDeltaResponse, error), error) {
			stream, err := c.server.network.WatchNetworkDelta(ctx, &pb.WatchNetworkDeltaRequest{
				After: after, Coalesce: options.Coalesce, Cvids: options.Cvids,
			})
			if err != nil {
				return nil, err
			}
			return stream.Recv, nil
		},
		reset: func() *pb.WatchNetworkDeltaResponse {
			return &pb.WatchNetworkDeltaResponse{Kind: pb.WatchKind_WATCH_KIND_RESET}
		},
		hasSnapshot: true,
	}
	// Filtered and coalesced watches leave revisions out, so there a gap means nothing.
	if !options.Coalesce && len(options.Cvids) == 0 {
		plan.revisions = func(message *pb.WatchNetworkDeltaResponse) int { return len(message.GetDeltas()) }
	}
	return newWatch(ctx, c.caller, plan, options.After, options.Broken)
}

// WatchEndpointClosed watches for sessions that end. It begins with a BOOKMARK at the position from which it listens; what ended
// before is not told.
func (c *Client) WatchEndpointClosed(ctx context.Context, options WatchOptions) *Watch[*pb.WatchEndpointClosedResponse] {
	plan := watchPlan[*pb.WatchEndpointClosedResponse]{
		open: func(ctx context.Context, after *pb.Position) (func() (*pb.WatchEndpointClosedResponse, error), error) {
			stream, err := c.server.network.WatchEndpointClosed(ctx, &pb.WatchEndpointClosedRequest{
				After: after, Cvids: options.Cvids,
			})
			if err != nil {
				return nil, err
			}
			return stream.Recv, nil
		},
		reset: func() *pb.WatchEndpointClosedResponse {
			return &pb.WatchEndpointClosedResponse{Kind: pb.WatchKind_WATCH_KIND_RESET}
		},
	}
	return newWatch(ctx, c.caller, plan, options.After, options.Broken)
}

// GetNode reads a node with its links.
func (c *Client) GetNode(ctx context.Context, cvid int32) (*pb.Node, error) {
	answer, err := call(ctx, c.caller, c.server.network.GetNode, &pb.GetNodeRequest{Cvid: cvid}, false)
	return answer.GetNode(), err
}

// GetSession reads a session.
func (c *Client) GetSession(ctx context.Context, cvid int32) (*pb.Session, error) {
	answer, err := call(ctx, c.caller, c.server.sessions.GetSession, &pb.GetSessionRequest{Cvid: cvid}, false)
	return answer.GetSession(), err
}

// ListSessions calls a function with every session, page by page, until it answers false.
func (c *Client) ListSessions(ctx context.Context, each func(*pb.Session) bool) error {
	for token := ""; ; {
		request := &pb.ListSessionsRequest{PageSize: pageSize, PageToken: token}
		page, err := call(ctx, c.caller, c.server.sessions.ListSessions, request, true)
		if err != nil {
			return err
		}
		for _, session := range page.GetSessions() {
			if !each(session) {
				return nil
			}
		}
		if token = page.GetNextPageToken(); token == "" {
			return nil
		}
	}
}

// TerminateSession ends another's session, as an administrator: returns once it has ended.
func (c *Client) TerminateSession(ctx context.Context, cvid int32, reason string) error {
	if _, ok := ctx.Deadline(); !ok {
		limited, cancel := context.WithTimeout(ctx, terminateTimeout)
		defer cancel()
		ctx = limited
	}
	request := &pb.TerminateSessionRequest{Cvid: cvid, Reason: reason}
	_, err := call(ctx, c.caller, c.server.sessions.TerminateSession, request, false)
	return err
}

// Close lets every instance say goodbye, then ends every call and watch.
func (c *Client) Close() error {
	c.mu.Lock()
	instances, networks := keysOf(c.instances), keysOf(c.networks)
	c.mu.Unlock()
	var leaving sync.WaitGroup
	for _, instance := range instances {
		leaving.Add(1)
		go func(instance *Instance) {
			defer leaving.Done()
			_ = instance.Leave(context.Background())
		}(instance)
	}
	leaving.Wait()
	for _, network := range networks {
		network.Close()
	}
	c.server.close()
	return nil
}

func keysOf[Key comparable](set map[Key]bool) []Key {
	keys := make([]Key, 0, len(set))
	for key := range set {
		keys = append(keys, key)
	}
	return keys
}

// Random numbers for several goroutines.
type lockedSource struct {
	mu     sync.Mutex
	source rand.Source
}

func (l *lockedSource) Int63() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.source.Int63()
}

func (l *lockedSource) Seed(seed int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.source.Seed(seed)
}

package switchyard

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	pb "switchyard.example/switchyard/v1"
)

// One Relay call: what both ends of a stream are made of.
type relayCall struct {
	call   pb.StreamService_RelayClient
	cancel context.CancelFunc
	server *server
	ctx    context.Context
	opened *pb.RelayResponse
}

// Calls Relay as one end, once more where the caller had yet to show itself. `blocks`: where this end stands; nil: where the
// server does. The call lives for as long as `ctx`.
func openRelay(ctx context.Context, c *caller, id int32, blocks *uint64) (*relayCall, error) {
	relay, err := openRelayOnce(ctx, c, id, blocks)
	if err == nil || errorOf(err).Reason != authRequired {
		return relay, err
	}
	if shown, _ := c.show(ctx); !shown {
		return nil, err
	}
	return openRelayOnce(ctx, c, id, blocks)
}

func openRelayOnce(ctx context.Context, c *caller, id int32, blocks *uint64) (*relayCall, error) {
	md, err := c.credentials(ctx)
	if err != nil {
		return nil, credentialsError(err)
	}
	if err := c.server.checkOpen(); err != nil {
		return nil, err
	}
	own, cancel := context.WithCancel(metadata.NewOutgoingContext(ctx, md))
	relay := &relayCall{cancel: cancel, server: c.server, ctx: ctx}
	if err := relay.open(own, id, blocks); err != nil {
		cancel()
		failure := errorOf(err)
		c.failed(failure, md)
		return nil, failure
	}
	return relay, nil
}

func (r *relayCall) open(ctx context.Context, id int32, blocks *uint64) error {
	call, err := r.server.streams.Relay(ctx)
	if err != nil {
		return r.server.errorOf(r.ctx, err)
	}
	r.call = call
	if err := r.send(&pb.RelayRequest{Open: &pb.RelayOpen{Id: id, Blocks: blocks}}); err != nil {
		return err
	}
	first, err := r.receive()
	if err != nil && err != io.EOF {
		return err
	}
	if first.GetOpened().GetStream() == nil {
		return newError(codes.DataLoss, "Relay did not begin with `opened`")
	}
	r.opened = first
	return nil
}

// Sends a message. What a call ended with is told by its answers and not by what found it ended.
func (r *relayCall) send(request *pb.RelayRequest) error {
	err := r.call.Send(request)
	if err == nil {
		return nil
	}
	if err != io.EOF {
		return r.server.errorOf(r.ctx, err)
	}
	return newError(codes.Unavailable, "this end of the stream has ended")
}

// Receives a message; io.EOF: the call has ended well.
func (r *relayCall) receive() (*pb.RelayResponse, error) {
	message, err := r.call.Recv()
	if err == nil || err == io.EOF {
		return message, err
	}
	return nil, r.server.errorOf(r.ctx, err)
}

func (r *relayCall) stream() *pb.Stream { return r.opened.GetOpened().GetStream() }

func (r *relayCall) confirms() bool { return r.stream().GetParams().GetDeliveryConfirmation() }

// Source is the end of a stream that data goes into. Nothing is repeated by itself: when the call breaks every write says so, and
// opening the stream again goes on with it, with `blocks` as docs/relay.md says.
type Source struct {
	relay *relayCall
	// Closed when the call is over; `err` says how.
	ended chan struct{}

	mu          sync.Mutex
	confirmed   uint64
	sent        uint64
	err         error
	onConfirmed func(uint64)
}

// OpenSource opens a stream of one's own, to send. `blocks`: where this end stands, as docs/relay.md says; nil: where the server
// does. The end is let go with its context.
func (i *Instance) OpenSource(ctx context.Context, id int32, blocks *uint64) (*Source, error) {
	return openSource(ctx, i.caller, id, blocks, nil)
}

// `onConfirmed` is called with the number of confirmed blocks each time that it has grown.
func openSource(ctx context.Context, c *caller, id int32, blocks *uint64, onConfirmed func(uint64)) (*Source, error) {
	relay, err := openRelay(ctx, c, id, blocks)
	if err != nil {
		return nil, err
	}
	s := &Source{
		relay: relay, ended: make(chan struct{}),
		confirmed: relay.opened.GetConfirmedBlocks(), onConfirmed: onConfirmed,
	}
	switch {
	case relay.confirms():
		s.sent = s.confirmed
	case blocks != nil:
		s.sent = *blocks
	}
	go s.listen()
	return s, nil
}

// Stream answers with the stream as it was when this end was opened.
func (s *Source) Stream() *pb.Stream { return s.relay.stream() }

// Channel says which channel of the server it is an end of: another number after a restart.
func (s *Source) Channel() uint64 { return s.relay.opened.GetOpened().GetChannel() }

// ConfirmedBlocks is how many blocks of the stream every sink has confirmed; only where the stream asks for that.
func (s *Source) ConfirmedBlocks() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.confirmed
}

// SentBlocks is how many blocks of the stream were sent: those that it was opened with, and those written since.
func (s *Source) SentBlocks() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

// WriteBlock sends a block of at least 1 byte; it returns when there is room for the next. By one goroutine at a time.
func (s *Source) WriteBlock(block []byte) error {
	if len(block) == 0 {
		return newError(codes.InvalidArgument, "a block has at least 1 byte")
	}
	select {
	case <-s.ended:
		return s.failure()
	default:
	}
	if err := s.relay.send(&pb.RelayRequest{Block: block}); err != nil {
		// The end of the call says more than a write that found it ended.
		<-s.ended
		return s.failure()
	}
	s.mu.Lock()
	s.sent++
	s.mu.Unlock()
	return nil
}

// Finish says that there is no more data; it returns when every sink has all of it.
func (s *Source) Finish() error {
	// One that has ended already says below how.
	_ = s.relay.call.CloseSend()
	<-s.ended
	return s.endedWith()
}

// Close lets go at once. The stream stays, and can be opened again.
func (s *Source) Close() error {
	s.relay.cancel()
	<-s.ended
	return nil
}

// How the call has ended, once it has; nil: well.
func (s *Source) endedWith() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *Source) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	return newError(codes.FailedPrecondition, "the data of this end is complete")
}

func (s *Source) listen() {
	defer close(s.ended)
	for {
		message, err := s.relay.receive()
		s.mu.Lock()
		if err != nil {
			if err != io.EOF {
				s.err = err
			}
			s.mu.Unlock()
			s.relay.cancel()
			return
		}
		s.confirmed = message.GetConfirmedBlocks()
		tell, confirmed := s.onConfirmed, s.confirmed
		s.mu.Unlock()
		if tell != nil {
			tell(confirmed)
		}
	}
}

// Sink is the end of a stream that data comes out of, read by one goroutine. A block counts as taken, and is confirmed where the
// stream asks for that, when the next one is asked for.
type Sink struct {
	relay   *relayCall
	isGiven bool
	mu      sync.Mutex
	taken   uint64
	lost    uint64
}

// OpenSink opens a branch that leads here, to receive. `blocks`: how many were taken before; nil: the server knows. The end is
// let go with its context.
func (i *Instance) OpenSink(ctx context.Context, branchID int32, blocks *uint64) (*Sink, error) {
	relay, err := openRelay(ctx, i.caller, branchID, blocks)
	if err != nil {
		return nil, err
	}
	return &Sink{relay: relay, taken: relay.opened.GetConfirmedBlocks(), lost: relay.opened.GetLostBlocks()}, nil
}

// Stream answers with the stream as it was when this end was opened.
func (s *Sink) Stream() *pb.Stream { return s.relay.stream() }

// Channel says which channel of the server it is an end of: another number after a restart.
func (s *Sink) Channel() uint64 { return s.relay.opened.GetOpened().GetChannel() }

// TakenBlocks is how many blocks of the stream were taken, those of earlier calls and those that are lost included.
func (s *Sink) TakenBlocks() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// LostBlocks is how many of these were lost. They are missing before the block that came last.
func (s *Sink) LostBlocks() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// ReadBlock waits for the next block. io.EOF: that was the last; an *Error: the stream has stopped, or the call broke, and
// opening it again goes on after what was taken.
func (s *Sink) ReadBlock() ([]byte, error) {
	s.takeLast()
	for {
		message, err := s.relay.receive()
		if errors.Is(err, io.EOF) {
			s.relay.cancel()
			return nil, io.EOF
		}
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		s.lost += message.GetLostBlocks()
		s.taken += message.GetLostBlocks()
		s.mu.Unlock()
		if len(message.GetBlock()) > 0 {
			s.isGiven = true
			return message.GetBlock(), nil
		}
	}
}

// Close lets go at once. The stream stays, and can be opened again.
func (s *Sink) Close() error {
	s.relay.cancel()
	return nil
}

func (s *Sink) takeLast() {
	if !s.isGiven {
		return
	}
	s.isGiven = false
	s.mu.Lock()
	s.taken++
	taken := s.taken
	s.mu.Unlock()
	if s.relay.confirms() {
		// Where the call has ended, the next read says how.
		_ = s.relay.send(&pb.RelayRequest{ConfirmedBlocks: taken})
	}
}

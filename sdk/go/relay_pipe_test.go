package switchyard

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	pb "switchyard.example/switchyard/v1"
)

// A relay of one stream with delivery confirmation, whose calls break: the source of id 1, the branch of id 2. It counts as
// src/relay/channel.ts does.
type breakingRelay struct {
	pb.StreamServiceServer
	mu   sync.Mutex
	news *sync.Cond
	// Blocks from number `first` on; what the sink has said to have may be beyond them, as they come again.
	window    [][]byte
	first     uint64
	confirmed uint64
	isOver    bool
	random    *rand.Rand
	broken    int
	// How many messages a call lives at most; 0: for ever.
	life int
	// How many calls came, to which nothing may have been answered yet.
	came int32
	// What calls end with once the stream has stopped.
	stopped error
}

func (b *breakingRelay) Relay(call pb.StreamService_RelayServer) error {
	first, err := call.Recv()
	if err != nil {
		return err
	}
	atomic.AddInt32(&b.came, 1)
	b.mu.Lock()
	if b.stopped != nil {
		defer b.mu.Unlock()
		return b.stopped
	}
	left := -1
	if b.life > 0 {
		left = b.random.Intn(b.life)
	}
	isSource, stand := first.GetOpen().GetId() == 1, b.first
	if isSource {
		b.window = nil
	} else {
		stand = first.GetOpen().GetBlocks()
		b.confirm(stand)
	}
	b.mu.Unlock()
	opened := &pb.RelayOpened{
		Stream: &pb.Stream{Id: 1, Params: &pb.StreamParams{DeliveryConfirmation: true}}, Channel: 1,
	}
	if err := call.Send(&pb.RelayResponse{Opened: opened, ConfirmedBlocks: stand}); err != nil {
		return err
	}
	if isSource {
		return b.source(call, stand, left)
	}
	return b.sink(call, stand, left)
}

// Lets go of what the sink has.
func (b *breakingRelay) confirm(blocks uint64) {
	if blocks > b.confirmed {
		b.confirmed = blocks
	}
	for len(b.window) > 0 && b.first < b.confirmed {
		b.window = b.window[1:]
		b.first++
	}
	b.news.Broadcast()
}

func (b *breakingRelay) breaks(left *int) bool {
	*left--
	if *left != -1 {
		return false
	}
	b.mu.Lock()
	b.broken++
	b.mu.Unlock()
	return true
}

var broken = status.Error(codes.Unavailable, "broken on purpose")

func (b *breakingRelay) source(call pb.StreamService_RelayServer, told uint64, left int) error {
	isOver := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.tellConfirmed(call, told, isOver)
	}()
	defer func() {
		close(isOver)
		b.mu.Lock()
		b.news.Broadcast()
		b.mu.Unlock()
		<-ended
	}()
	for {
		request, err := call.Recv()
		b.mu.Lock()
		if errors.Is(err, io.EOF) {
			b.isOver = true
			b.news.Broadcast()
			for len(b.window) > 0 {
				b.news.Wait()
			}
			b.mu.Unlock()
			return nil
		}
		if err == nil {
			b.window = append(b.window, request.GetBlock())
			b.confirm(0)
		}
		b.mu.Unlock()
		if err != nil {
			return err
		}
		if b.breaks(&left) {
			return broken
		}
	}
}

func (b *breakingRelay) tellConfirmed(call pb.StreamService_RelayServer, told uint64, isOver chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		for told == b.first {
			select {
			case <-isOver:
				return
			default:
				b.news.Wait()
			}
		}
		told = b.first
		b.mu.Unlock()
		err := call.Send(&pb.RelayResponse{ConfirmedBlocks: told})
		b.mu.Lock()
		if err != nil {
			return
		}
	}
}

func (b *breakingRelay) sink(call pb.StreamService_RelayServer, given uint64, left int) error {
	for ; ; given++ {
		b.mu.Lock()
		for given >= b.first+uint64(len(b.window)) && !b.isOver {
			b.news.Wait()
		}
		var block []byte
		if given < b.first+uint64(len(b.window)) {
			block = b.window[given-b.first]
		}
		b.mu.Unlock()
		if block == nil {
			return nil
		}
		if b.breaks(&left) {
			return broken
		}
		if err := call.Send(&pb.RelayResponse{Block: block}); err != nil {
			return err
		}
		answer, err := call.Recv()
		if err != nil {
			return err
		}
		b.mu.Lock()
		b.confirm(answer.GetConfirmedBlocks())
		b.mu.Unlock()
	}
}

// Opens both ends of that stream, as one pipe: what is written comes back.
type loop struct {
	caller *caller
}

func (l *loop) newBackoff() *backoff { return &backoff{random: func() float64 { return 0 }} }

func (l *loop) openSource(ctx context.Context, blocks uint64, onConfirmed func(uint64)) (*Source, error) {
	return openSource(ctx, l.caller, 1, &blocks, onConfirmed)
}

func (l *loop) openSink(ctx context.Context, blocks uint64) (*Sink, error) {
	return (&Instance{caller: l.caller}).OpenSink(ctx, 2, &blocks)
}

func pipeOver(t *testing.T, relay *breakingRelay) *relayPipe {
	t.Helper()
	relay.news = sync.NewCond(&relay.mu)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving := grpc.NewServer()
	pb.RegisterStreamServiceServer(serving, relay)
	go func() { _ = serving.Serve(listener) }()
	server, err := dialServer(listener.Addr().String(), Options{}, func() float64 { return 0 })
	if err != nil {
		t.Fatal(err)
	}
	pipe := newRelayPipe(context.Background(), &loop{newCaller(server, nil)})
	t.Cleanup(func() {
		pipe.Close()
		server.close()
		serving.Stop()
	})
	return pipe
}

func TestEveryByteOfARelayArrivesOnceAndInOrderOverCallsThatBreak(t *testing.T) {
	seed := time.Now().UnixNano()
	random := rand.New(rand.NewSource(seed))
	relay := &breakingRelay{random: rand.New(rand.NewSource(seed + 1)), life: 12}
	pipe := pipeOver(t, relay)
	data := make([]byte, 1<<20)
	random.Read(data)
	go func() {
		for rest := data; len(rest) > 0; {
			count := least(len(rest), 1+random.Intn(20_000))
			if _, err := pipe.Write(rest[:count]); err != nil {
				t.Errorf("seed %d: %v", seed, err)
				return
			}
			rest = rest[count:]
		}
		if err := pipe.flush(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		pipe.finish()
	}()
	got, err := io.ReadAll(pipe)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("seed %d: %d bytes of %d, %v", seed, len(got), len(data), err)
	}
	<-pipe.sent
	if relay.broken == 0 {
		t.Errorf("seed %d: no call broke", seed)
	}
}

func TestARelayThatIsStoppedFailsWithTheReasonForThat(t *testing.T) {
	relay := &breakingRelay{stopped: status.Error(codes.FailedPrecondition, "the stream has stopped")}
	pipe := pipeOver(t, relay)
	if _, err := io.ReadAll(pipe); err == nil || errorOf(err).Code != codes.FailedPrecondition {
		t.Errorf("%v", err)
	}
	<-pipe.sent
	if _, err := pipe.Write([]byte("late")); err == nil || errorOf(err).Code != codes.FailedPrecondition {
		t.Errorf("%v", err)
	}
}

func TestAWriterWaitsWhileARelayTakesNothing(t *testing.T) {
	relay := &breakingRelay{}
	pipe := pipeOver(t, relay)
	written := make(chan int)
	go func() {
		// A byte more than is kept, and then one that has to wait.
		count, _ := pipe.Write(make([]byte, keptBytesMax+2*blockBytes))
		written <- count
	}()
	select {
	case count := <-written:
		t.Errorf("%d bytes are kept", count)
	case <-time.After(200 * time.Millisecond):
	}
	pipe.Close()
	if count := <-written; count > keptBytesMax+blockBytes {
		t.Errorf("%d bytes are kept", count)
	}
}

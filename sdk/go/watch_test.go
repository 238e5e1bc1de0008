package switchyard

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	pb "switchyard.example/switchyard/v1"
)

type delta = pb.WatchNetworkDeltaResponse

func at(revision uint64) *pb.Position { return &pb.Position{Epoch: "e", Revision: revision} }

// Calls of a watch as a script has them: what each tells, one message after the other, and then how it ends.
type script struct {
	calls [][]any
	// Where each call was asked to continue.
	after []*pb.Position
}

func (s *script) open(_ context.Context, after *pb.Position) (func() (*delta, error), error) {
	s.after = append(s.after, after)
	told := s.calls[0]
	s.calls = s.calls[1:]
	return func() (*delta, error) {
		next := told[0]
		told = told[1:]
		if err, ok := next.(error); ok {
			return nil, err
		}
		return next.(*delta), nil
	}, nil
}

func scripted(calls ...[]any) (*Watch[*delta], *script) {
	s := &script{calls: calls}
	plan := watchPlan[*delta]{
		open: s.open, hasSnapshot: true,
		reset:     func() *delta { return &delta{Kind: pb.WatchKind_WATCH_KIND_RESET} },
		revisions: func(message *delta) int { return len(message.GetDeltas()) },
	}
	none := noServer()
	return newWatch(context.Background(), newCaller(none, nil), plan, nil, nil), s
}

func message(kind pb.WatchKind, position *pb.Position, deltas int) *delta {
	return &delta{Kind: kind, Position: position, Deltas: make([]*pb.NetworkDelta, deltas)}
}

var (
	snapshot    = message(pb.WatchKind_WATCH_KIND_SNAPSHOT, at(5), 1)
	snapshotEnd = message(pb.WatchKind_WATCH_KIND_SNAPSHOT_END, at(5), 0)
	six         = message(pb.WatchKind_WATCH_KIND_DELTA, at(6), 1)
	seven       = message(pb.WatchKind_WATCH_KIND_DELTA, at(7), 1)
	away        = &Error{Code: codes.Unavailable, Message: "away"}
	compacted   = &Error{Code: codes.OutOfRange, Message: "compacted"}
	missing     = &Error{Code: codes.NotFound, Message: "missing"}
)

func expectKinds(t *testing.T, watch *Watch[*delta], kinds ...pb.WatchKind) {
	t.Helper()
	for at, kind := range kinds {
		next, err := watch.Next()
		if err != nil || next.GetKind() != kind {
			t.Fatalf("message %d: %v, %v instead of %v", at, next, err, kind)
		}
	}
}

func TestAWatchGoesOnPastItsLastPosition(t *testing.T) {
	watch, s := scripted([]any{snapshot, snapshotEnd, six, away}, []any{io.EOF}, []any{seven, missing})
	expectKinds(t, watch, snapshot.Kind, snapshotEnd.Kind, six.Kind, seven.Kind)
	if s.after[0] != nil || s.after[1].GetRevision() != 6 || s.after[2].GetRevision() != 6 {
		t.Errorf("it continued after %v", s.after)
	}
	if _, err := watch.Next(); err != missing {
		t.Errorf("%v", err)
	}
}

func TestAWatchThatCannotGoOnBeginsAgainAndTellsSoOnce(t *testing.T) {
	watch, s := scripted([]any{snapshot, snapshotEnd, compacted}, []any{away}, []any{snapshot, snapshotEnd, missing})
	expectKinds(t, watch, snapshot.Kind, snapshotEnd.Kind, pb.WatchKind_WATCH_KIND_RESET, snapshot.Kind, snapshotEnd.Kind)
	if s.after[1] != nil || s.after[2] != nil {
		t.Errorf("it continued after %v", s.after)
	}
}

func TestASnapshotThatIsCutShortIsAskedForAgain(t *testing.T) {
	watch, s := scripted([]any{snapshot, away}, []any{snapshot, snapshotEnd})
	expectKinds(t, watch, snapshot.Kind, pb.WatchKind_WATCH_KIND_RESET, snapshot.Kind, snapshotEnd.Kind)
	if s.after[1] != nil {
		t.Errorf("it continued after %v", s.after[1])
	}
}

func TestARevisionThatIsMissingOrDoubledIsNotPassedOn(t *testing.T) {
	for _, wrong := range []*delta{seven, snapshotEndAs(at(5)), {Kind: six.Kind}} {
		watch, _ := scripted([]any{snapshot, snapshotEnd, wrong}, []any{snapshot, snapshotEnd})
		expectKinds(t, watch, snapshot.Kind, snapshotEnd.Kind, pb.WatchKind_WATCH_KIND_RESET, snapshot.Kind)
	}
	watch, _ := scripted([]any{six}, []any{missing})
	if _, err := watch.Next(); err != missing {
		t.Errorf("a change before the snapshot: %v", err)
	}
}

// A DELTA that repeats a revision.
func snapshotEndAs(position *pb.Position) *delta {
	return message(pb.WatchKind_WATCH_KIND_DELTA, position, 1)
}

func TestSilenceCountsAsUnavailable(t *testing.T) {
	given := make(chan struct{})
	next := func() (*delta, error) {
		<-given
		return nil, context.Canceled
	}
	_, err := receive(next, func() { close(given) }, 10*time.Millisecond)
	if failure, ok := err.(*Error); !ok || failure.Code != codes.Unavailable {
		t.Errorf("%v", err)
	}
}

// A server whose watches say where they begin, and nothing more.
type quietNetwork struct {
	pb.UnimplementedNetworkServiceServer
}

func (quietNetwork) WatchEndpointClosed(_ *pb.WatchEndpointClosedRequest, stream pb.NetworkService_WatchEndpointClosedServer) error {
	if err := stream.Send(&pb.WatchEndpointClosedResponse{Kind: pb.WatchKind_WATCH_KIND_BOOKMARK, Position: at(5)}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

func TestAWatchOfAClosedClientEndsWithErrClosedAndTellsNoBreak(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterNetworkServiceServer(server, quietNetwork{})
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	client := newRoaming(t, listener.Addr().String())
	var broken atomic.Int32
	watch := client.WatchEndpointClosed(context.Background(), WatchOptions{
		Broken: func(*Error, time.Duration) { broken.Add(1) },
	})
	if _, err := watch.Next(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := watch.Next()
		ended <- err
	}()
	// It waits for a message by then, most times; otherwise it finds the client closed.
	time.Sleep(50 * time.Millisecond)
	client.Close()
	if err := <-ended; err != ErrClosed {
		t.Errorf("%v", err)
	}
	if breaks := broken.Load(); breaks != 0 {
		t.Errorf("it told of %d breaks", breaks)
	}
}

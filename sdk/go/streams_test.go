package switchyard

import (
	"context"
	"net"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	pb "switchyard.example/switchyard/v1"
)

// Registers streams, each request id once, and loses the first answers.
type losesAnswers struct {
	pb.UnimplementedStreamServiceServer
	lost    []error
	asked   int
	streams map[string]*pb.Stream
}

func (s *losesAnswers) CreateStream(_ context.Context, request *pb.CreateStreamRequest) (*pb.CreateStreamResponse, error) {
	s.asked++
	stream := s.streams[request.GetRequestId()]
	if stream == nil {
		stream = &pb.Stream{Id: int32(len(s.streams) + 1)}
		s.streams[request.GetRequestId()] = stream
	}
	if len(s.lost) > 0 {
		err := s.lost[0]
		s.lost = s.lost[1:]
		return nil, err
	}
	return &pb.CreateStreamResponse{Stream: stream}, nil
}

func joinedTo(t *testing.T, services *losesAnswers, session *OwnSession) *Instance {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterStreamServiceServer(server, services)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	client, err := New(listener.Addr().String(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return &Instance{caller: newCaller(client.server, metadata.MD{}), session: session}
}

// A server of 0.1.0 registers a stream for each request, whatever its id.
func TestStreamsAreRegisteredByOneRequestWhereTheServerDoesNotKnowRequestIDs(t *testing.T) {
	lost := status.Error(codes.Unavailable, "the connection was lost before the answer")
	services := &losesAnswers{lost: []error{lost}, streams: map[string]*pb.Stream{}}
	stream, err := joinedTo(t, services, &OwnSession{}).CreateStream(context.Background(), []int32{9}, nil)
	if err == nil || errorOf(err).Code != codes.Unavailable || services.asked != 1 {
		t.Errorf("%v, %v after %d requests", stream, err, services.asked)
	}
}

func TestStreamsAreRegisteredOnceEachThoughAnswersAreLost(t *testing.T) {
	unknown, err := status.New(codes.Unavailable, "not known").WithDetails(&errdetails.ErrorInfo{Reason: outcomeUnknown})
	if err != nil {
		t.Fatal(err)
	}
	services := &losesAnswers{
		lost:    []error{status.Error(codes.Unavailable, "the connection was lost before the answer"), unknown.Err()},
		streams: map[string]*pb.Stream{},
	}
	me := joinedTo(t, services, &OwnSession{takesRequestIDs: true})
	for want := int32(1); want <= 2; want++ {
		stream, err := me.CreateStream(context.Background(), []int32{9}, nil)
		if err != nil || stream.GetId() != want {
			t.Errorf("%v, %v instead of the stream %d", stream, err, want)
		}
	}
	if len(services.lost) > 0 || len(services.streams) != 2 || services.streams[""] != nil {
		t.Errorf("%v", services.streams)
	}
}

func TestACallThatMayHaveBeenDoneIsNotTemporary(t *testing.T) {
	refusal, err := status.New(codes.Unavailable, "not known").WithDetails(&errdetails.ErrorInfo{Reason: outcomeUnknown})
	if err != nil {
		t.Fatal(err)
	}
	if failure := errorOf(refusal.Err()); failure.Temporary() {
		t.Errorf("%+v", failure)
	}
}

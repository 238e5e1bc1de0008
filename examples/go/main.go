// Opens a session, watches the network over a restart of the server, and reads a refusal.
//
//	main HOST:PORT
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	pb "switchyard.example/switchyard/v1"
)

// How long to wait before a watch is opened again when the server does not say.
const defaultRetry = 500 * time.Millisecond

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: main HOST:PORT")
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, address string) error {
	// With gRPC 1.35 or newer: grpc.WithTransportCredentials(insecure.NewCredentials()).
	channel, err := grpc.Dial(address, grpc.WithInsecure())
	if err != nil {
		return err
	}
	defer channel.Close()
	sessions, network := pb.NewSessionServiceClient(channel), pb.NewNetworkServiceClient(channel)

	session, err := sessions.Session(ctx, &pb.SessionRequest{
		InstanceUuid: "6f1d2c3b-0000-4000-8000-00000000900a",
		InstanceType: pb.InstanceType_INSTANCE_TYPE_AGENT,
		Name:         "an example in Go",
		Labels:       map[string]string{"language": "go"},
	})
	if err != nil {
		return err
	}
	fmt.Println("session", session.InstanceSid)
	asSession := metadata.AppendToOutgoingContext(ctx, "switchyard-session", session.SessionToken)

	if err := watchOverRestart(ctx, network); err != nil {
		return err
	}
	_, err = network.GetNode(ctx, &pb.GetNodeRequest{Cvid: 1})
	fmt.Println("refused", describe(err))
	_, err = sessions.TerminateSession(asSession, &pb.TerminateSessionRequest{})
	return err
}

// Watches until the server has gone away and come back, and the watch has gone on from where it was.
func watchOverRestart(ctx context.Context, network pb.NetworkServiceClient) error {
	var after *pb.Position
	for {
		broken := after != nil
		err := watch(ctx, network, &after, broken)
		if err == nil {
			return nil
		}
		if status.Code(err) != codes.Unavailable {
			return err
		}
		time.Sleep(retryDelay(err))
	}
}

// Reads one watch to its end. Nil when it is one that has resumed; otherwise what ended it.
func watch(ctx context.Context, network pb.NetworkServiceClient, after **pb.Position, resumes bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := network.WatchNetworkDelta(ctx, &pb.WatchNetworkDeltaRequest{After: *after})
	if err != nil {
		return err
	}
	nodes := 0
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return status.Error(codes.Unavailable, "the watch has ended")
		}
		if err != nil {
			return err
		}
		switch message.Kind {
		case pb.WatchKind_WATCH_KIND_SNAPSHOT:
			for _, delta := range message.Deltas {
				nodes += len(delta.NodeAdded)
			}
			continue
		case pb.WatchKind_WATCH_KIND_SNAPSHOT_END:
			fmt.Println("watching", nodes, "nodes")
		case pb.WatchKind_WATCH_KIND_RESET:
			return errors.New("the server does not know our position: forget everything, a snapshot follows")
		default:
			if resumes {
				fmt.Println("resumed after revision", (*after).Revision)
				return nil
			}
		}
		// Where to go on: only a message that completes something moves it.
		*after = message.Position
	}
}

// The gRPC code and Switchyard's reason of a refusal.
func describe(err error) string {
	refusal := status.Convert(err)
	for _, detail := range refusal.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return fmt.Sprintf("%s %s: %s", refusal.Code(), info.Reason, refusal.Message())
		}
	}
	return err.Error()
}

// How long the server asks to wait.
func retryDelay(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.RetryDelay.AsDuration()
		}
	}
	return defaultRetry
}

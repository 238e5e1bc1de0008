package switchyard

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc"
	pb "switchyard.example/switchyard/v1"
)

// A Relay call that notes what is said in it.
type notedCall struct {
	grpc.ClientStream
	ctx  context.Context
	said chan string
	fail chan error
}

func (n *notedCall) Send(*pb.RelayRequest) error { n.said <- "block"; return nil }

func (n *notedCall) CloseSend() error { n.said <- "complete"; return nil }

func (n *notedCall) Recv() (*pb.RelayResponse, error) {
	select {
	case err := <-n.fail:
		return nil, err
	case <-n.ctx.Done():
		n.said <- "cancelled"
		return nil, n.ctx.Err()
	}
}

func newNotedCall() (*notedCall, *relayCall) {
	ctx, cancel := context.WithCancel(context.Background())
	call := &notedCall{ctx: ctx, said: make(chan string, 100), fail: make(chan error, 1)}
	return call, &relayCall{call: call, ctx: ctx, cancel: cancel, server: noServer(), opened: &pb.RelayResponse{}}
}

func newNotedRelay() (relay *plainRelay, out, in *notedCall) {
	out, toPeer := newNotedCall()
	in, fromPeer := newNotedCall()
	source := &Source{relay: toPeer, ended: make(chan struct{})}
	go source.listen()
	return newPlainRelay(source, &Sink{relay: fromPeer}, true), out, in
}

func expectSaid(t *testing.T, call *notedCall, words ...string) {
	t.Helper()
	for _, word := range words {
		select {
		case said := <-call.said:
			if said != word {
				t.Fatalf("said %q, not %q", said, word)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("never said %q", word)
		}
	}
}

func TestPlainRelaySaysThatDataIsCompleteOnceItAllWasSent(t *testing.T) {
	relay, out, _ := newNotedRelay()
	defer relay.close()
	for _, frame := range [][]byte{append(frameHead(frameData, 4), "data"...), frameHead(frameEnd, 0)} {
		if _, err := relay.Write(frame); err != nil {
			t.Fatal(err)
		}
	}
	expectSaid(t, out, "block", "complete")
}

func TestPlainRelayThatFailsNeverSaysThatItsDataIsComplete(t *testing.T) {
	relay, out, in := newNotedRelay()
	if _, err := relay.Write(append(frameHead(frameData, 4), "half"...)); err != nil {
		t.Fatal(err)
	}
	expectSaid(t, out, "block")
	in.fail <- errors.New("the way from the peer broke")
	expectSaid(t, out, "cancelled")
}

func TestPlainRelayThatIsClosedNeverSaysThatItsDataIsComplete(t *testing.T) {
	relay, out, _ := newNotedRelay()
	relay.close()
	expectSaid(t, out, "cancelled")
	select {
	case said := <-out.said:
		t.Fatalf("said %q after it was closed", said)
	case <-time.After(50 * time.Millisecond):
	}
}

package switchyard

import (
	"context"
	"errors"
	"testing"
	"time"

	pb "switchyard.example/switchyard/v1"
)

// A connection that the peer asks for is joined only where it may take the same paths.
func TestJoinsAConnectionOfThePeerOnlyWithTheSameFallback(t *testing.T) {
	all := newConnections(&Instance{life: context.Background()})
	tcp := pb.LinkType_LINK_TYPE_TRANSPORT_TCP
	immediate, none := pb.ConnectionFallback_CONNECTION_FALLBACK_IMMEDIATE, pb.ConnectionFallback_CONNECTION_FALLBACK_NONE
	theirs := all.newBrokered(7, tcp, true, immediate)
	all.byID["c"] = theirs
	if all.joinable(7, tcp, none) != nil {
		t.Error("a connection that may be relayed is joined with fallback none")
	}
	if all.joinable(7, tcp, immediate) != theirs {
		t.Error("a connection with the same fallback is not joined")
	}
}

// The server may answer with a connection that is decided here, and that it has not heard of as such.
func TestJoinsNothingThatIsDecidedAndAsksAgainAfterAWait(t *testing.T) {
	all := newConnections(&Instance{life: context.Background()})
	used := all.newBrokered(7, pb.LinkType_LINK_TYPE_TRANSPORT_TCP, true, pb.ConnectionFallback_CONNECTION_FALLBACK_IMMEDIATE)
	retries := &backoff{random: func() float64 { return 0.5 }}
	time.AfterFunc(10*time.Millisecond, func() { close(used.made) })
	if err := used.decided(context.Background(), retries); err != nil || retries.failures != 0 {
		t.Errorf("%v, %d waits", err, retries.failures)
	}
	for _, least := range []time.Duration{backoffFirst / 2, backoffFirst} {
		before := time.Now()
		if err := used.decided(context.Background(), retries); err != nil || time.Since(before) < least {
			t.Errorf("%v after %v", err, time.Since(before))
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := used.decided(ctx, retries); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

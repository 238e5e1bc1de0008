package switchyard

import (
	"context"
	"testing"

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

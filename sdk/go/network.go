package switchyard

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	pb "switchyard.example/switchyard/v1"
)

// NetworkOptions say what of the graph is watched, and who is told of it. The functions are called one after the other, each
// once the picture holds what it tells of; the picture waits for them.
type NetworkOptions struct {
	// When too much was missed: one change with the net effect instead of a new snapshot.
	Coalesce bool
	// Only what touches these nodes. Empty: everything.
	Cvids []int32
	// The first snapshot is whole, or another one has replaced the picture.
	Synced func(*pb.Position)
	// A node or a link came or went.
	Changed func(Change)
	// The picture goes up to here.
	Moved func(*pb.Position)
	// The watch broke; it is tried again after the wait.
	Broken func(*Error, time.Duration)
}

// Network is a replica of the graph that keeps itself up to date over every break. Each revision is applied whole. While a new
// snapshot is on its way the old picture stays; then the new one takes its place at once, and the difference between the two is
// told like any other changes.
type Network struct {
	options  NetworkOptions
	watch    *Watch[*pb.WatchNetworkDeltaResponse]
	now      func(context.Context) (*pb.Position, error)
	done     chan struct{}
	incoming *Graph

	mu       sync.RWMutex
	graph    *Graph
	position *pb.Position
	// Closed, and replaced, when the picture has moved.
	moved chan struct{}
	err   error
}

// View calls a function with the picture, which does not change meanwhile, and with the position up to which it goes: nil and
// an empty picture until the first snapshot is whole. The function must not keep the graph, nor wait for this Network.
func (n *Network) View(look func(*Graph, *pb.Position)) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	look(n.graph, n.position)
}

// Position answers with the position up to which the picture goes: nil until the first snapshot is whole.
func (n *Network) Position() *pb.Position {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.position
}

// Synced waits until the first snapshot is whole.
func (n *Network) Synced(ctx context.Context) error {
	return n.until(ctx, func(position *pb.Position) (bool, error) { return true, nil })
}

// Reached waits until the picture holds everything up to a position. OUT_OF_RANGE: the network has another epoch now.
func (n *Network) Reached(ctx context.Context, position *pb.Position) error {
	return n.until(ctx, func(at *pb.Position) (bool, error) {
		if at.GetEpoch() != position.GetEpoch() {
			return false, newError(codes.OutOfRange, "the network's epoch is %s now", at.GetEpoch())
		}
		return at.GetRevision() >= position.GetRevision(), nil
	})
}

// Current waits until the picture holds everything that the server's graph held when this was called.
func (n *Network) Current(ctx context.Context) error {
	position, err := n.now(ctx)
	if err != nil {
		return err
	}
	return n.Reached(ctx, position)
}

// Done is closed once the replica has ended.
func (n *Network) Done() <-chan struct{} { return n.done }

// Err says why the replica has ended: nil before, and when it was closed.
func (n *Network) Err() error {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.err
}

// Close ends the watch, and waits until nobody is told any more. The picture stays readable. Not to be called by the functions
// of NetworkOptions.
func (n *Network) Close() error {
	n.watch.Close()
	<-n.done
	return nil
}

func (n *Network) run() {
	defer close(n.done)
	for {
		message, err := n.watch.Next()
		if err != nil {
			n.mu.Lock()
			if n.watch.ctx.Err() == nil && err != ErrClosed {
				n.err = err
			}
			n.mu.Unlock()
			return
		}
		n.take(message)
	}
}

func (n *Network) take(message *pb.WatchNetworkDeltaResponse) {
	switch message.GetKind() {
	case pb.WatchKind_WATCH_KIND_RESET:
		n.incoming = NewGraph()
		return
	case pb.WatchKind_WATCH_KIND_SNAPSHOT:
		if n.incoming == nil {
			n.incoming = NewGraph()
		}
		for _, delta := range message.GetDeltas() {
			n.incoming.Apply(delta)
		}
		return
	}
	changes := n.apply(message)
	for _, change := range changes {
		if n.options.Changed != nil {
			n.options.Changed(change)
		}
	}
	if n.options.Synced != nil && message.GetKind() == pb.WatchKind_WATCH_KIND_SNAPSHOT_END {
		n.options.Synced(message.GetPosition())
	}
	if n.options.Moved != nil {
		n.options.Moved(message.GetPosition())
	}
}

// Moves the picture, whole, and wakes who waits for that.
func (n *Network) apply(message *pb.WatchNetworkDeltaResponse) []Change {
	n.mu.Lock()
	defer n.mu.Unlock()
	var changes []Change
	if message.GetKind() == pb.WatchKind_WATCH_KIND_SNAPSHOT_END {
		if n.incoming == nil {
			n.incoming = NewGraph()
		}
		changes = n.graph.ChangesTo(n.incoming)
		n.graph, n.incoming = n.incoming, nil
	} else {
		for _, delta := range message.GetDeltas() {
			changes = append(changes, n.graph.Apply(delta)...)
		}
	}
	n.position = message.GetPosition()
	close(n.moved)
	n.moved = make(chan struct{})
	return changes
}

func (n *Network) until(ctx context.Context, holds func(*pb.Position) (bool, error)) error {
	for {
		n.mu.RLock()
		position, moved, err := n.position, n.moved, n.err
		n.mu.RUnlock()
		if position != nil {
			if is, err := holds(position); is || err != nil {
				return err
			}
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return errorOf(ctx.Err())
		case <-n.done:
			if err == nil {
				err = n.Err()
			}
			if err == nil {
				err = newError(codes.Canceled, "the replica is closed")
			}
			return err
		}
	}
}

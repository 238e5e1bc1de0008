package switchyard

import (
	"context"
	"sync"

	pb "switchyard.example/switchyard/v1"
)

// shower lets several calls that need it share one showing of the session's identity on a connection.
type shower struct {
	mu      sync.Mutex
	showing *showing
}

type showing struct {
	done chan struct{}
	ok   bool
	err  error
}

func (i *Instance) prove(ctx context.Context, purpose pb.ProofPurpose) (*pb.Proof, error) {
	if i.options.Key == nil {
		return nil, nil
	}
	return prove(ctx, i.anybody, i.options.Key, purpose, i.options.UUID)
}

// Shows the session's identity on the connection of the moment; once for all calls that need it.
func (i *Instance) show(ctx context.Context) (bool, error) {
	if i.options.Key == nil {
		return false, nil
	}
	i.shower.mu.Lock()
	now := i.shower.showing
	if now == nil {
		now = &showing{done: make(chan struct{})}
		i.shower.showing = now
		go i.showFor(now)
	}
	i.shower.mu.Unlock()
	select {
	case <-now.done:
		return now.ok, now.err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (i *Instance) showFor(now *showing) {
	ctx, cancel := context.WithTimeout(i.life, callTimeout)
	defer cancel()
	now.ok, now.err = i.showOnce(ctx)
	i.shower.mu.Lock()
	i.shower.showing = nil
	i.shower.mu.Unlock()
	close(now.done)
}

func (i *Instance) showOnce(ctx context.Context) (bool, error) {
	proof, err := i.prove(ctx, pb.ProofPurpose_PROOF_PURPOSE_ATTACH)
	if err != nil || proof == nil {
		return false, err
	}
	// Without a `show` of its own: it is the one that shows.
	as := newCaller(i.caller.server, nil)
	as.credentials, as.failed = i.credentials, i.refused
	_, err = call(ctx, as, i.caller.server.sessions.KeepAlive, &pb.KeepAliveRequest{Proof: proof}, false)
	return err == nil, err
}

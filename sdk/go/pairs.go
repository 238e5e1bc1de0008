package switchyard

import (
	"errors"
	"syscall"

	pb "switchyard.example/switchyard/v1"
)

// Of the closed list of outcomes.
const (
	connected         = "connected"
	notNeeded         = "not needed any more"
	closedInHandshake = "closed in the handshake"
	// Before an outcome of an address that the peer came from.
	dialledByIt = "dialled by it: "
)

func dialOutcome(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET):
		return "refused"
	case errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH):
		return "unreachable"
	case errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EADDRINUSE):
		// The very same connection exists already: the peer's dial has arrived, or the last one has just ended.
		return "in use"
	default:
		return "no answer"
	}
}

func (r *race) note(local, remote *pb.Candidate, outcome string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pairs = append(r.pairs, &pb.CandidatePair{Local: local, Remote: remote, Outcome: outcome})
}

// Notes what came of a connection that came and has not won.
func (r *race) noteCame(pair *pb.CandidatePair) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if pair.Outcome != connected && len(r.came) < pairsMax {
		pair.Outcome = dialledByIt + pair.Outcome
		r.came = append(r.came, pair)
	}
}

// What the server takes of the pairs: strangers may come, so the dials and the winner are first. Under the lock.
func (r *race) told() []*pb.CandidatePair {
	all := append(r.pairs[:len(r.pairs):len(r.pairs)], r.came...)
	return all[:least(len(all), pairsMax)]
}

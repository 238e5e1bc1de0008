package switchyard

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sort"
	"sync"
	"syscall"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	pb "switchyard.example/switchyard/v1"
)

const (
	// What is spoken inside TLS on a direct path.
	spokenDirect = "switchyard-direct/3"
	// The start may be ordered for this far ahead at most.
	startAfterMax = 10 * time.Second
	// One attempt, from its start: room for a SYN that the kernel sends again after 1 s, and what then follows.
	attemptTime = 2500 * time.Millisecond
	// Before a refused dial is tried again, and how often.
	redialAfter = 100 * time.Millisecond
	redialsMax  = 50
	// The TLS handshake on one path: three round trips with a lost packet each.
	secureTimeout = 4 * time.Second
	// Before the answer to a nomination is given up for: the path was good a moment ago.
	nominateTimeout = 2 * time.Second
	// Connections that came on which TLS is tried at once, as a stranger may dial too: twice as many as a peer has candidates.
	strangersMax = 32
	// How long one of them may be silent before it makes room for one that comes: a handshake takes two round trips.
	silentFor = 500 * time.Millisecond
	// Pairs that the server takes of one attempt.
	pairsMax = 32
	// The first bytes on a proved path: which one is meant, and that it is taken, with the attempt's nonce.
	frameNominated = 1
	frameConfirmed = 2
	nonceBytes     = 16
)

// race is one attempt: paths on their way to being the one that is used. Each is proved, then the controlling end nominates one at a
// time, in the order in which they were proved, and the other end confirms the first nomination that it reads. What does not win is
// reset.
type race struct {
	puncher *puncher
	proof   peerProof
	nonce   []byte
	ctx     context.Context
	end     context.CancelFunc
	// One nomination at a time.
	nominating sync.Mutex

	mu sync.Mutex
	// Connections that came and have not proved their key: the oldest first.
	strangers []stranger
	winner    *tls.Conn
	// What came of the dials, and of connections that came.
	pairs, came []*pb.CandidatePair
}

type stranger struct {
	conn  net.Conn
	since time.Time
}

// Tries once to reach the peer, as ordered. Nil: it was not reached. The answer tells what was tried.
func (p *puncher) attempt(ctx context.Context, order *pb.Connection, proof peerProof) (*tls.Conn, *pb.PunchAnswer) {
	before := time.Now()
	startAfter := order.GetStartAfter().AsDuration()
	if startAfter > startAfterMax {
		startAfter = startAfterMax
	}
	ctx, end := context.WithTimeout(ctx, startAfter+attemptTime)
	defer end()
	r := &race{puncher: p, proof: proof, nonce: order.GetNonce(), ctx: ctx, end: end}
	p.mu.Lock()
	early := p.early
	p.early, p.race = nil, r
	p.mu.Unlock()
	var dialling sync.WaitGroup
	for _, conn := range early {
		go r.enterAccepted(conn)
	}
	for _, candidate := range inOrder(order.GetCandidates()) {
		dialling.Add(1)
		go func(to *pb.Candidate) {
			defer dialling.Done()
			outcome := r.dialUntilOver(to, startAfter)
			// Of no address in particular: the server takes none that is empty.
			local := &pb.Candidate{Host: "0.0.0.0", Port: int32(p.dialPort), Type: pb.CandidateType_CANDIDATE_TYPE_HOST}
			r.note(local, to, outcome)
		}(candidate)
	}
	<-ctx.Done()
	dialling.Wait()
	p.mu.Lock()
	p.race = nil
	p.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.winner, &pb.PunchAnswer{Pairs: r.told(), Took: durationpb.New(time.Since(before)), Connected: r.winner != nil}
}

// The peer's candidates in the order in which they are tried, and not too many.
func inOrder(candidates []*pb.Candidate) []*pb.Candidate {
	sorted := append([]*pb.Candidate(nil), candidates...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].GetPriority() > sorted[j].GetPriority() })
	return sorted[:least(len(sorted), candidatesMax)]
}

// Dials one address until it answers, there is no sense in trying, or the race is over. Answers with the closed list of
// src/client/direct/outcome.ts, which the other end reads.
func (r *race) dialUntilOver(to *pb.Candidate, startAfter time.Duration) string {
	address, err := netip.ParseAddr(to.GetHost())
	if err != nil || to.GetPort() < 1 || to.GetPort() > 65_535 || !r.puncher.dials(address.Unmap()) {
		return "not dialled: it is not in a network of this end"
	}
	place := netip.AddrPortFrom(address.Unmap(), uint16(to.GetPort()))
	// The peer's own addresses are dialled at once: that is the same network, or a peer without a NAT. What lies behind a NAT is
	// dialled at the ordered moment, so that each side's first SYN leaves before the other's arrives.
	if to.GetType() != pb.CandidateType_CANDIDATE_TYPE_HOST && sleep(r.ctx, startAfter) != nil {
		return notNeeded
	}
	outcome := "no answer"
	for dialled := 0; dialled < redialsMax && r.ctx.Err() == nil; dialled++ {
		conn, err := r.puncher.dial(r.ctx, r.puncher.dialPort, place.String())
		if err == nil {
			outcome = r.enter(conn, nil)
		} else {
			outcome = dialOutcome(err)
		}
		// Closed before the peer has proved itself: it may have had no room for one more.
		if err == nil && outcome != closedInHandshake {
			return outcome
		}
		if sleep(r.ctx, redialAfter) != nil {
			break
		}
	}
	return outcome
}

func (r *race) enterAccepted(conn net.Conn) {
	from := conn.RemoteAddr().(*net.TCPAddr)
	remote := &pb.Candidate{Host: from.IP.String(), Port: int32(from.Port), Type: pb.CandidateType_CANDIDATE_TYPE_HOST}
	to := conn.LocalAddr().(*net.TCPAddr)
	local := &pb.Candidate{Host: to.IP.String(), Port: int32(to.Port), Type: pb.CandidateType_CANDIDATE_TYPE_HOST}
	pair := &pb.CandidatePair{Local: local, Remote: remote, Outcome: notNeeded}
	if r.admit(conn) {
		pair.Outcome = r.enter(conn, pair)
	} else {
		reset(conn)
	}
	r.noteCame(pair)
}

// Admits a connection that came, in the place of one that has been silent where there are too many.
func (r *race) admit(conn net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.strangers) >= strangersMax {
		if time.Since(r.strangers[0].since) < silentFor {
			return false
		}
		reset(r.strangers[0].conn)
		r.strangers = r.strangers[1:]
	}
	r.strangers = append(r.strangers, stranger{conn, time.Now()})
	return true
}

// It has proved its key, or is gone.
func (r *race) know(conn net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for at, one := range r.strangers {
		if one.conn == conn {
			r.strangers = append(r.strangers[:at:at], r.strangers[at+1:]...)
			return
		}
	}
}

// Enters a path, `came` if it came; answers with why it lost, for people, or with `connected`.
func (r *race) enter(raw net.Conn, came *pb.CandidatePair) string {
	defer r.know(raw)
	if r.ctx.Err() != nil {
		reset(raw)
		return notNeeded
	}
	ctx, cancel := context.WithTimeout(r.ctx, secureTimeout)
	defer cancel()
	secured, err := r.proof.secure(ctx, raw)
	isProved := err == nil
	if isProved {
		r.know(raw)
		err = r.agree(secured)
	}
	if err == nil && !r.win(secured, came) {
		err = errNotNominated
	}
	if err == nil {
		return connected
	}
	reset(raw)
	switch {
	case errors.Is(err, errNotNominated):
		return "not nominated"
	case r.ctx.Err() != nil:
		return notNeeded
	case !isProved && isClosed(err):
		return closedInHandshake
	default:
		return "the handshake failed"
	}
}

// Whether the other end has closed or reset the connection.
func isClosed(err error) bool {
	for _, one := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

var errNotNominated = errors.New("not nominated")

// What lost ends without a trace: what lingers would be in the way of the next attempt between the same two ports.
func reset(raw net.Conn) {
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	raw.Close()
}

// Agrees with the peer that this path is the one.
func (r *race) agree(secured *tls.Conn) error {
	// The end of the race ends what waits here, and nothing after that.
	stop, stopped := make(chan struct{}), make(chan struct{})
	defer func() {
		close(stop)
		<-stopped
		_ = secured.SetReadDeadline(time.Time{})
	}()
	go func() {
		defer close(stopped)
		select {
		case <-r.ctx.Done():
			_ = secured.SetReadDeadline(time.Now())
		case <-stop:
		}
	}()
	if !r.proof.controlling {
		if err := r.expect(secured, frameNominated); err != nil {
			return err
		}
		if r.ctx.Err() != nil {
			return errNotNominated
		}
		return r.say(secured, frameConfirmed)
	}
	r.nominating.Lock()
	defer r.nominating.Unlock()
	if r.ctx.Err() != nil {
		return errNotNominated
	}
	if err := r.say(secured, frameNominated); err != nil {
		return err
	}
	if err := secured.SetReadDeadline(time.Now().Add(nominateTimeout)); err != nil {
		return err
	}
	return r.expect(secured, frameConfirmed)
}

func (r *race) say(secured *tls.Conn, kind byte) error {
	_, err := secured.Write(append([]byte{kind}, r.nonce...))
	return err
}

func (r *race) expect(secured *tls.Conn, kind byte) error {
	said := make([]byte, 1+nonceBytes)
	if _, err := io.ReadFull(secured, said); err != nil {
		return errNotNominated
	}
	if said[0] != kind || string(said[1:]) != string(r.nonce) {
		return errors.New("the peer speaks of another connection")
	}
	return nil
}

func (r *race) win(secured *tls.Conn, came *pb.CandidatePair) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.winner != nil || r.ctx.Err() != nil {
		return false
	}
	r.winner = secured
	if came != nil {
		pair := &pb.CandidatePair{Local: came.Local, Remote: came.Remote, Outcome: dialledByIt + connected}
		r.came = append([]*pb.CandidatePair{pair}, r.came...)
	}
	r.end()
	return true
}

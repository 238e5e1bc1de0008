package switchyard

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	pb "switchyard.example/switchyard/v1"
)

const (
	// Candidates of one side; more are not looked at. The server takes no more by default.
	candidatesMax = 16
	// Addresses of own interfaces that become candidates: one of each kind of network that people have.
	hostAddressesMax = 4
	// Connections that wait for this end's own order to arrive.
	earlyMax = 16
	// The type preferences of RFC 8445, section 5.1.2.2.
	hostPreference      = 126
	reflexivePreference = 100
)

// puncher is the sockets of IPv4 by which one connection can be reached directly over TCP, for all its attempts: what was
// observed of them is true only for them.
//
// There are two ports, because a port that listens cannot be dialled from. The listening port is for peers that can reach it. The
// dialling port never listens: everything is dialled from it, and where both ends dial each other's at the same moment the two
// connections become one (simultaneous open; RFC 9293, section 3.5).
type puncher struct {
	listener   net.Listener
	dialPort   int
	observers  []net.Conn
	candidates []*pb.Candidate
	// Of the rendezvous; 0: it did not answer.
	roundTrip time.Duration
	// Networks that this machine is directly attached to, and whether it is reached on loopback.
	attached []netip.Prefix
	isLocal  bool

	mu     sync.Mutex
	race   *race
	early  []net.Conn
	isShut bool
}

// Opens the sockets and learns what others see of them. Whoever gathers closes the puncher.
func newPuncher(ctx context.Context, rendezvous []string) (*puncher, error) {
	p := &puncher{}
	listenPort, err := freePort()
	if err != nil {
		return nil, err
	}
	if p.dialPort, err = freePort(); err != nil {
		return nil, err
	}
	var seen []netip.AddrPort
	for _, port := range []int{listenPort, p.dialPort} {
		if observed, ok := p.observe(ctx, rendezvous, port); ok {
			seen = append(seen, observed)
		}
	}
	// A port with an outbound connection may still begin to listen; the other way around it may not.
	p.listener, err = net.Listen("tcp4", net.JoinHostPort("", strconv.Itoa(listenPort)))
	if err != nil {
		p.close()
		return nil, err
	}
	p.gather(seen, []int{listenPort, p.dialPort})
	go p.accept()
	return p, nil
}

// A port that nobody uses.
func freePort() (int, error) {
	listener, err := net.Listen("tcp4", ":0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func (p *puncher) dial(ctx context.Context, port int, to string) (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{Port: port}, Control: reusePort}
	return dialer.DialContext(ctx, "tcp4", to)
}

// What the first rendezvous that answers sees of a port. The connection stays open: it holds the mapping.
func (p *puncher) observe(ctx context.Context, rendezvous []string, port int) (netip.AddrPort, bool) {
	ctx, cancel := context.WithTimeout(ctx, gatherTimeout)
	defer cancel()
	for _, place := range rendezvous {
		conn, err := p.dial(ctx, port, place)
		if err != nil {
			continue
		}
		seen, took, err := observe(conn)
		if err != nil {
			conn.Close()
			continue
		}
		p.observers = append(p.observers, conn)
		if p.roundTrip == 0 || took < p.roundTrip {
			p.roundTrip = took
		}
		return seen, true
	}
	return netip.AddrPort{}, false
}

// The listening port first: to be let in is surer than to meet in the middle.
func (p *puncher) gather(seen []netip.AddrPort, ports []int) {
	observed := map[netip.Addr]bool{}
	for _, at := range seen {
		observed[at.Addr()] = true
		p.isLocal = p.isLocal || at.Addr().IsLoopback()
	}
	var hosts []netip.Addr
	addresses, _ := net.InterfaceAddrs()
	for _, address := range addresses {
		prefix, err := netip.ParsePrefix(address.String())
		if err != nil || !prefix.Addr().Is4() || prefix.Addr().IsLoopback() || prefix.Addr().IsLinkLocalUnicast() {
			continue
		}
		p.attached = append(p.attached, prefix.Masked())
		// The server's own rule, so that one address of many does not cost the whole answer.
		if len(hosts) < hostAddressesMax && (isPrivate(prefix.Addr()) || observed[prefix.Addr()]) {
			hosts = append(hosts, prefix.Addr())
		}
	}
	named := map[netip.AddrPort]bool{}
	add := func(kind pb.CandidateType, preference, rank int, at netip.AddrPort) {
		if named[at] || len(p.candidates) >= candidatesMax {
			return
		}
		named[at] = true
		p.candidates = append(p.candidates, &pb.Candidate{
			Host: at.Addr().String(), Port: int32(at.Port()), Type: kind,
			Priority: uint32(preference<<24 + (0x7fff-rank)<<8 + 255),
		})
	}
	for at, host := range hosts {
		for rank, port := range ports {
			add(pb.CandidateType_CANDIDATE_TYPE_HOST, hostPreference, 2*at+rank, netip.AddrPortFrom(host, uint16(port)))
		}
	}
	for rank, at := range seen {
		add(pb.CandidateType_CANDIDATE_TYPE_REFLEXIVE, reflexivePreference, rank, at)
	}
}

var sharedAddresses = netip.MustParsePrefix("100.64.0.0/10")

// Private (RFC 1918) and carrier-grade (RFC 6598) addresses.
func isPrivate(address netip.Addr) bool {
	return address.IsPrivate() || sharedAddresses.Contains(address)
}

// Whether this end dials an address that a peer names. A peer could name any: so what is private is dialled only in the networks
// that this machine is directly attached to, and loopback only where this end itself is reached there.
func (p *puncher) dials(address netip.Addr) bool {
	switch {
	case !address.Is4() || address.IsUnspecified() || address.IsMulticast() || address.IsLinkLocalUnicast():
		return false
	case address.As4()[0] == 0 || address.As4()[0] >= 240:
		return false
	case address.IsLoopback():
		return p.isLocal
	case !isPrivate(address):
		return true
	}
	for _, network := range p.attached {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

func (p *puncher) accept() {
	for {
		conn, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// The connection was reset before it was taken, or this process has too many files open at the moment.
			time.Sleep(redialAfter)
			continue
		}
		p.mu.Lock()
		race := p.race
		isEarly := race == nil && !p.isShut
		if isEarly && len(p.early) >= earlyMax {
			// Which of them is the peer is not known: half of those that are kept came first, and half last. Reset, it dials again.
			reset(p.early[earlyMax/2])
			p.early = append(p.early[:earlyMax/2:earlyMax/2], p.early[earlyMax/2+1:]...)
		}
		if isEarly {
			p.early = append(p.early, conn)
		}
		p.mu.Unlock()
		switch {
		case race != nil:
			go race.enterAccepted(conn)
		case !isEarly:
			conn.Close()
		}
	}
}

// Gives everything back but a path that was handed out.
func (p *puncher) close() {
	p.mu.Lock()
	p.isShut = true
	early, race := p.early, p.race
	p.early = nil
	p.mu.Unlock()
	if race != nil {
		race.end()
	}
	if p.listener != nil {
		p.listener.Close()
	}
	for _, conn := range append(early, p.observers...) {
		conn.Close()
	}
}

package switchyard

import (
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// HOST:PORT or [IPV6]:PORT.
var hostAndPort = regexp.MustCompile(`^(?:\[([0-9a-fA-F:.]+)\]|[^\s:\[\]/]+):([0-9]{1,5})$`)

// A host of such a name would be read as another kind of address by gRPC: a socket of this machine, or a name server's answer.
var schemes = regexp.MustCompile(`^(?i:dns|ip|ipv4|ipv6|passthrough|unix|unix-abstract|vsock|xds):`)

// Whether what a server names is an address to go to.
func isHostAndPort(address string) bool {
	if len(address) > serverBytesMax || schemes.MatchString(address) {
		return false
	}
	found := hostAndPort.FindStringSubmatch(address)
	if found == nil || (found[1] != "" && !isIPv6(found[1])) {
		return false
	}
	port, err := strconv.ParseUint(found[2], 10, 16)
	return err == nil && port > 0
}

func isIPv6(host string) bool { return net.ParseIP(host) != nil && strings.Contains(host, ":") }

// serverList has the addresses at which a client may find its network: those that it was given, and those that servers told it.
// What servers tell now comes first. Others are asked last and stay: where all servers have moved at once, what was told is
// stale, and a given address may be the only way back.
type serverList struct {
	random func() float64

	mu    sync.Mutex
	given []string
	told  []string
	// Told before, the latest last.
	earlier []string
}

func newServerList(given []string, random func() float64) *serverList {
	return &serverList{given: without(nil, given), random: random}
}

// The addresses, each once, that are not among others.
func without(others map[string]bool, addresses []string) []string {
	var found []string
	seen := map[string]bool{}
	for _, address := range addresses {
		if !others[address] && !seen[address] {
			seen[address] = true
			found = append(found, address)
		}
	}
	return found
}

// How many addresses are known.
func (l *serverList) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := append(append(append([]string(nil), l.given...), l.told...), l.earlier...)
	return len(without(nil, all))
}

// Takes what a server has told, as far as it is HOST:PORT. Nothing: it knows of no addresses, and those that are known stay as they
// are.
func (l *serverList) learn(servers []string) {
	var addresses []string
	for _, address := range servers {
		if isHostAndPort(address) {
			addresses = append(addresses, address)
		}
	}
	if len(addresses) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := map[string]bool{}
	for _, address := range l.told {
		now[address] = true
	}
	l.earlier = append(without(now, l.earlier), l.told...)
	if tooMany := len(l.earlier) - serversMax; tooMany > 0 {
		l.earlier = l.earlier[tooMany:]
	}
	l.told = without(nil, addresses)
	if len(l.told) > serversMax {
		l.told = l.told[:serversMax]
	}
}

// An address to go to, any of the best that were not tried; false: all were.
func (l *serverList) pick(tried map[string]bool) (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, addresses := range [][]string{l.told, l.given, l.earlier} {
		if fresh := without(tried, addresses); len(fresh) > 0 {
			return fresh[int(l.random()*float64(len(fresh)))], true
		}
	}
	return "", false
}

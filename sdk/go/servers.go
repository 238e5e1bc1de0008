package switchyard

import "sync"

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

// Takes what a server has told. Nothing: it knows of no addresses, and those that are known stay as they are.
func (l *serverList) learn(servers []string) {
	if len(servers) == 0 {
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
	l.told = without(nil, servers)
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

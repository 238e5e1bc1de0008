package switchyard

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	pb "switchyard.example/switchyard/v1"
)

// A rendezvous: tells everybody the address that they are seen at.
func rendezvous(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answerBinding(conn)
		}
	}()
	return listener.Addr().String()
}

func answerBinding(conn net.Conn) {
	request := make([]byte, stunHeaderBytes)
	if _, err := io.ReadFull(conn, request); err != nil {
		return
	}
	seen := conn.RemoteAddr().(*net.TCPAddr)
	answer := binary.BigEndian.AppendUint16(nil, stunSuccess)
	answer = binary.BigEndian.AppendUint16(answer, 8+12)
	answer = append(answer, request[4:]...)
	// An attribute that nobody knows, and its padding, before the one that is looked for.
	answer = append(answer, 0x80, 0x22, 0, 1, 'x', 0, 0, 0)
	answer = append(answer, 0, stunXorMapped, 0, 8, 0, 1)
	answer = binary.BigEndian.AppendUint16(answer, uint16(seen.Port)^stunMagic>>16)
	for at, part := range seen.IP.To4() {
		answer = append(answer, part^request[4+at])
	}
	_, _ = conn.Write(answer)
	_, _ = io.Copy(io.Discard, conn)
}

type end struct {
	sockets *puncher
	proof   peerProof
}

// Two ends that know each other's keys.
func ends(t *testing.T) (end, end) {
	t.Helper()
	place := rendezvous(t)
	var made [2]end
	for at := range made {
		identity, err := newPeerIdentity()
		if err != nil {
			t.Fatal(err)
		}
		sockets, err := newPuncher(context.Background(), []string{place})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(sockets.close)
		made[at] = end{sockets, peerProof{identity: identity, controlling: at == 0, spoken: spokenDirect}}
	}
	made[0].proof.peerKey = made[1].proof.identity.publicKey
	made[1].proof.peerKey = made[0].proof.identity.publicKey
	return made[0], made[1]
}

func orderTo(other end, nonce byte) *pb.Connection {
	return &pb.Connection{Candidates: other.sockets.candidates, Nonce: bytes.Repeat([]byte{nonce}, nonceBytes)}
}

func TestTwoEndsThatDialEachOtherAgreeOnOnePath(t *testing.T) {
	one, other := ends(t)
	if !one.sockets.isLocal || len(one.sockets.candidates) < 2 || one.sockets.roundTrip == 0 {
		t.Fatalf("%v", one.sockets.candidates)
	}
	var carriers [2]*carrier
	var both sync.WaitGroup
	for at, attempt := range []func() (*carrier, *pb.PunchAnswer){
		func() (*carrier, *pb.PunchAnswer) { return try(one, orderTo(other, 7)) },
		func() (*carrier, *pb.PunchAnswer) { return try(other, orderTo(one, 7)) },
	} {
		both.Add(1)
		go func(at int, attempt func() (*carrier, *pb.PunchAnswer)) {
			defer both.Done()
			path, answer := attempt()
			if path == nil || !answer.GetConnected() || len(answer.GetPairs()) == 0 {
				t.Errorf("end %d: %v", at, answer)
			}
			carriers[at] = path
		}(at, attempt)
	}
	both.Wait()
	if t.Failed() {
		return
	}
	if !carriers[1].heard(nominateTimeout) {
		t.Fatal("the other end has not taken the same path")
	}
	_, _ = carriers[0].Write([]byte("direct"))
	_ = carriers[0].CloseWrite()
	got, err := io.ReadAll(readerOf(carriers[1]))
	if err != nil || string(got) != "direct" {
		t.Errorf("%q, %v", got, err)
	}
	carriers[0].destroy(net.ErrClosed)
	carriers[1].destroy(net.ErrClosed)
}

func readerOf(c *carrier) io.Reader { return &Conn{carrier: c} }

func try(from end, order *pb.Connection) (*carrier, *pb.PunchAnswer) {
	secured, answer := from.sockets.attempt(context.Background(), order, from.proof)
	if secured == nil {
		return nil, answer
	}
	raw := secured.NetConn()
	return newCarrier(secured, carrierDeps{
		flush: func() error { return nil }, finish: func() {}, drain: func() {}, destroy: func() { raw.Close() },
	}), answer
}

// The server refuses an answer with a place that is no IP address, and the attempt with it.
func expectPlaces(t *testing.T, answer *pb.PunchAnswer) {
	t.Helper()
	for _, pair := range answer.GetPairs() {
		for _, place := range []*pb.Candidate{pair.GetLocal(), pair.GetRemote()} {
			if _, err := netip.ParseAddr(place.GetHost()); err != nil {
				t.Errorf("%v", pair)
			}
		}
	}
}

func TestNoPathComesOfAPeerWithAnotherKeyOrNonce(t *testing.T) {
	one, other := ends(t)
	other.proof.peerKey = other.proof.identity.publicKey
	done := make(chan bool)
	go func() {
		path, _ := try(other, orderTo(one, 7))
		done <- path != nil
	}()
	began := time.Now()
	order := orderTo(other, 8)
	order.Candidates = append(order.Candidates, &pb.Candidate{Host: "fd00::2", Port: 1})
	path, answer := try(one, order)
	expectPlaces(t, answer)
	if len(answer.GetPairs()) < 2 {
		t.Errorf("%v", answer)
	}
	if theirs := <-done; path != nil || theirs || answer.GetConnected() {
		t.Errorf("%v", answer)
	}
	if took := time.Since(began); took > attemptTime+time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestWhatAPeerNamesIsDialledOnlyWhereThePeerCouldBe(t *testing.T) {
	p := &puncher{attached: []netip.Prefix{netip.MustParsePrefix("192.168.7.0/24")}}
	for address, want := range map[string]bool{
		"192.168.7.9": true, "192.168.8.9": false, "10.0.0.1": false, "100.64.0.1": false, "203.0.113.5": true,
		"127.0.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "224.0.0.1": false, "255.255.255.255": false,
		"169.254.1.1": false, "::1": false, "2001:db8::1": false,
	} {
		if got := p.dials(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	p.isLocal = true
	if !p.dials(netip.MustParseAddr("127.0.0.1")) {
		t.Error("an end that is reached on loopback dials it")
	}
}

func TestAStunAnswerThatIsNoneIsRefused(t *testing.T) {
	mask := make([]byte, 16)
	for name, attributes := range map[string]string{
		"nothing":         "",
		"cut short":       "\x00\x20\x00\x08\x00\x01",
		"another family":  "\x00\x20\x00\x04\x00\x03\x00\x00",
		"another address": strings.Repeat("\x80\x22\x00\x00", 3),
	} {
		if at, err := mappedAddress([]byte(attributes), mask); err == nil {
			t.Errorf("%s: %v", name, at)
		}
	}
}

func TestTheHostOfAnAddressIsFoundAsGrpcReadsIt(t *testing.T) {
	for address, want := range map[string]string{
		"a.b:1": "a.b", "a.b": "a.b", "dns:a.b": "a.b", "dns:///a:1": "a", "dns:///a": "a", "passthrough:///a:1": "a",
		"[::1]:1": "::1", "[::1]": "::1", "::1": "::1", ":1": "127.0.0.1", "unix:/run/switchyard.sock": "127.0.0.1",
	} {
		if got := hostOf(address); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
}

package switchyard

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	pb "switchyard.example/switchyard/v1"
)

// As many connections as are asked for, which say nothing, at the port at which an end listens.
func silent(t *testing.T, at end, count int) {
	t.Helper()
	port := at.sockets.listener.Addr().(*net.TCPAddr).Port
	for ; count > 0; count-- {
		conn, err := net.Dial("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
	}
}

// An attempt of both ends in which only the first one dials, and only the port at which the second one listens.
func meet(one, other end) (bool, bool) {
	now := make(chan struct{})
	close(now)
	return meetAfter(one, other, now)
}

// The second one is ordered its attempt later.
func meetAfter(one, other end, ordered <-chan struct{}) (bool, bool) {
	port := other.sockets.listener.Addr().(*net.TCPAddr).Port
	nonce := bytes.Repeat([]byte{7}, nonceBytes)
	to := &pb.Candidate{Host: "127.0.0.1", Port: int32(port), Type: pb.CandidateType_CANDIDATE_TYPE_HOST}
	found := make(chan bool)
	go func() {
		<-ordered
		secured, _ := other.sockets.attempt(context.Background(), &pb.Connection{Nonce: nonce}, other.proof)
		found <- secured != nil
	}()
	secured, _ := one.sockets.attempt(context.Background(), &pb.Connection{Nonce: nonce, Candidates: []*pb.Candidate{to}}, one.proof)
	return secured != nil, <-found
}

func TestSilentStrangersThatCameBeforeKeepNoPeerOut(t *testing.T) {
	one, other := ends(t)
	silent(t, other, 2*earlyMax)
	other.until(t, func(early []net.Conn) bool { return len(early) == earlyMax })
	if here, there := meet(one, other); !here || !there {
		t.Errorf("%v, %v", here, there)
	}
}

// Waits until it is so of the connections that came before the attempt.
func (at end) until(t *testing.T, isSo func(early []net.Conn) bool) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		at.sockets.mu.Lock()
		is := isSo(at.sockets.early)
		at.sockets.mu.Unlock()
		if is {
			return
		}
		if time.Since(began) > 10*time.Second {
			t.Fatal("it has not come to that")
		}
	}
}

func TestAPeerIsReachedThoughStrangersThrewItsEarlyDialOut(t *testing.T) {
	one, other := ends(t)
	silent(t, other, earlyMax/2)
	var dialled net.Conn
	thrownOut := make(chan struct{})
	go func() {
		defer close(thrownOut)
		other.until(t, func(early []net.Conn) bool {
			if len(early) > earlyMax/2 {
				dialled = early[earlyMax/2]
			}
			return dialled != nil
		})
		silent(t, other, earlyMax)
		other.until(t, func(early []net.Conn) bool {
			for _, one := range early {
				if one == dialled {
					return false
				}
			}
			return true
		})
	}()
	if here, there := meetAfter(one, other, thrownOut); !here || !there {
		t.Errorf("%v, %v", here, there)
	}
}

func TestSilentStrangersMakeRoomForWhatComesLaterAndNoSooner(t *testing.T) {
	r := &race{}
	var conns []net.Conn
	for at := 0; at <= strangersMax; at++ {
		here, there := net.Pipe()
		defer there.Close()
		conns = append(conns, here)
		if r.admit(here) != (at < strangersMax) {
			t.Fatalf("stranger %d", at)
		}
	}
	r.strangers[0].since = time.Now().Add(-silentFor)
	if !r.admit(conns[strangersMax]) || len(r.strangers) != strangersMax {
		t.Errorf("%d strangers", len(r.strangers))
	}
	if _, err := conns[0].Write([]byte{0}); err == nil {
		t.Error("the one that was silent is still there")
	}
	r.know(conns[1])
	if len(r.strangers) != strangersMax-1 {
		t.Errorf("%d strangers", len(r.strangers))
	}
}

// A listener whose first Accept fails.
type failingOnce struct {
	net.Listener
	hasFailed bool
}

func (l *failingOnce) Accept() (net.Conn, error) {
	if !l.hasFailed {
		l.hasFailed = true
		return nil, errors.New("too many open files")
	}
	return l.Listener.Accept()
}

func TestConnectionsAreTakenAfterAnErrorOfOneAccept(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := end{sockets: &puncher{listener: &failingOnce{Listener: listener}}}
	t.Cleanup(at.sockets.close)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		at.sockets.accept()
	}()
	silent(t, at, 1)
	at.until(t, func(early []net.Conn) bool { return len(early) == 1 })
	at.sockets.close()
	<-ended
}

func TestStrangersLeaveRoomForTheDialsAndTheWinnerInTheAnswer(t *testing.T) {
	r := &race{ctx: context.Background(), end: func() {}}
	for at := 0; at < 2*pairsMax; at++ {
		r.noteCame(&pb.CandidatePair{Outcome: notNeeded})
	}
	for at := 0; at < candidatesMax; at++ {
		r.note(nil, nil, "refused")
	}
	if !r.win(nil, &pb.CandidatePair{}) {
		t.Fatal("it has not won")
	}
	told := r.told()
	if len(told) != pairsMax || len(r.came) != pairsMax+1 {
		t.Fatalf("%d pairs of %d", len(told), len(r.came))
	}
	for at, want := range map[int]string{0: "refused", 15: "refused", 16: "dialled by it: connected", 31: "dialled by it: not needed any more"} {
		if told[at].GetOutcome() != want {
			t.Errorf("%d: %s", at, told[at].GetOutcome())
		}
	}
}

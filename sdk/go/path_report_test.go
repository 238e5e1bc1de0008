package switchyard

import (
	"net"
	"testing"
	"time"

	pb "switchyard.example/switchyard/v1"
)

// Holds up the next report until the channel is closed.
func (o *ordering) hold() chan struct{} {
	held := make(chan struct{})
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held = held
	return held
}

func (o *ordering) awaitHeld(t *testing.T) {
	t.Helper()
	until(t, "no report came", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.held == nil
	})
}

// A connection that a peer has asked for.
func (o *ordering) asked(t *testing.T, me *Instance) *brokered {
	t.Helper()
	peer := newPeer(t, o)
	o.gather(t, &peer)
	return o.awaitConnection(t, me)
}

func (b *brokered) setAlone(c *carrier) {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	b.alone = c
}

func TestAReportThatWaitsIsNotSentOfAPathThatWasLeftMeanwhile(t *testing.T) {
	o, me := newOrdering(t)
	listen(t, me)
	b := o.asked(t, me)
	first, _ := carriers(t)
	second, _ := carriers(t)
	held := o.hold()
	b.setAlone(first.carrier)
	b.reportPath(first.carrier, Direct)
	o.awaitHeld(t)
	b.reportPath(first.carrier, Direct)
	b.setAlone(second.carrier)
	last := b.reportPath(second.carrier, Relayed)
	close(held)
	<-last
	reports := o.reports()
	if len(reports) != 2 || reports[1].GetPath() != pb.PathKind_PATH_KIND_RELAYED {
		t.Errorf("%v", reports)
	}
}

func TestTheEndOfAConnectionIsReportedSoonThoughAReportBeforeItIsHeldUpForLong(t *testing.T) {
	o, me := newOrdering(t)
	listen(t, me)
	b := o.asked(t, me)
	path, _ := carriers(t)
	held := o.hold()
	defer close(held)
	b.setAlone(path.carrier)
	b.reportPath(path.carrier, Direct)
	o.awaitHeld(t)
	b.reportPath(path.carrier, Direct)
	b.end(net.ErrClosed, false)
	reports := o.awaitReports(t, 1)
	if reports[0].GetState() != pb.LinkState_LINK_STATE_LOST {
		t.Errorf("%v", reports)
	}
}

func TestAPathThatIsLeftWhileItIsReportedIsNotGivenToTheListener(t *testing.T) {
	o, me := newOrdering(t)
	listener := listen(t, me)
	b := o.asked(t, me)
	path, _ := carriers(t)
	held := o.hold()
	handedOut := make(chan struct{})
	go func() {
		defer close(handedOut)
		b.handOut(path.carrier, &pb.Connection{}, Direct, false)
	}()
	o.awaitHeld(t)
	if err := b.leaveOneSided(); err != nil {
		t.Fatal(err)
	}
	close(held)
	<-handedOut
	expectWaiting(t, listener, 0)
}

func TestAPathThatIsLeftWhileItWaitsForAcceptGivesWayToTheNextOne(t *testing.T) {
	o, me := newOrdering(t)
	listener := listen(t, me)
	b := o.asked(t, me)
	first, _ := carriers(t)
	second, _ := carriers(t)
	b.handOut(first.carrier, &pb.Connection{}, Direct, false)
	expectWaiting(t, listener, 1)
	if err := b.leaveOneSided(); err != nil {
		t.Fatal(err)
	}
	b.handOut(second.carrier, &pb.Connection{}, Relayed, false)
	if conn := accepted(t, listener); conn.carrier != second.carrier {
		t.Errorf("%v", conn.Path())
	}
	expectWaiting(t, listener, 0)
}

func expectWaiting(t *testing.T, listener *Listener, count int) {
	t.Helper()
	listener.mu.Lock()
	defer listener.mu.Unlock()
	if len(listener.waiting) != count {
		t.Errorf("%d connections wait for Accept instead of %d", len(listener.waiting), count)
	}
}

// A program leaves while the server orders another way for what it has closed.
func TestLeavingWaitsForConnectionsWhosePathsAreLeftMeanwhile(t *testing.T) {
	b := (&punching{asked: func(int) {}}).connection(t)
	all := b.all
	other := all.newBrokered(8, b.link, false, b.fallback)
	all.byID["d"] = other
	b.conn, _ = carriers(t)
	other.conn, _ = carriers(t)
	both := []*Conn{b.conn, other.conn}
	for _, conn := range both {
		conn.carrier.isAbandoned = true
		// So that what is closed is looked for until this test lets it.
		conn.carrier.mu.Lock()
	}
	settled := make(chan struct{})
	go func() {
		defer close(settled)
		all.settle(all.instance.life)
	}()
	until(t, "nothing is looked for", func() bool {
		isFree := all.mu.TryLock()
		if isFree {
			all.mu.Unlock()
		}
		return !isFree
	})
	for _, conn := range both {
		conn.carrier.mu.Unlock()
	}
	all.mu.Lock()
	b.conn, other.conn = nil, nil
	all.mu.Unlock()
	for _, conn := range both {
		conn.Abort()
	}
	<-settled
}

func until(t *testing.T, otherwise string, is func() bool) {
	t.Helper()
	for late := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal(otherwise)
		}
	}
}

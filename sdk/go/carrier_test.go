package switchyard

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// Two ends of a path over the loopback, with a proof each.
func path(t *testing.T, change func(client, server *peerProof)) (*tls.Conn, *tls.Conn, error) {
	t.Helper()
	var identities [2]*peerIdentity
	for at := range identities {
		identity, err := newPeerIdentity()
		if err != nil {
			t.Fatal(err)
		}
		identities[at] = identity
	}
	client := peerProof{identities[0], identities[1].publicKey, true, "spoken"}
	server := peerProof{identities[1], identities[0].publicKey, false, "spoken"}
	change(&client, &server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	raw, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	type outcome struct {
		conn *tls.Conn
		err  error
	}
	other := make(chan outcome, 1)
	go func() {
		conn, err := server.secure(ctx, accepted)
		other <- outcome{conn, err}
	}()
	mine, err := client.secure(ctx, raw)
	theirs := <-other
	if err == nil {
		err = theirs.err
	}
	t.Cleanup(func() {
		raw.Close()
		accepted.Close()
	})
	return mine, theirs.conn, err
}

func carriers(t *testing.T) (*Conn, *Conn) {
	t.Helper()
	one, other, err := path(t, func(_, _ *peerProof) {})
	if err != nil {
		t.Fatal(err)
	}
	make := func(secured *tls.Conn) *Conn {
		raw := secured.NetConn().(*net.TCPConn)
		return &Conn{carrier: newCarrier(secured, carrierDeps{
			flush:   func() error { return nil },
			finish:  func() { _ = raw.CloseWrite() },
			drain:   func() { _, _ = io.Copy(io.Discard, raw) },
			destroy: func() { raw.Close() },
		})}
	}
	return make(one), make(other)
}

func TestAPathIsRefusedWhosePeerHasAnotherKeyOrSpeaksSomethingElse(t *testing.T) {
	stranger, err := newPeerIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(client, server *peerProof){
		"the server is another":       func(client, _ *peerProof) { client.peerKey = stranger.publicKey },
		"the client is another":       func(_, server *peerProof) { server.peerKey = stranger.publicKey },
		"no key was ordered":          func(client, _ *peerProof) { client.peerKey = nil },
		"another connection is meant": func(client, _ *peerProof) { client.spoken = "other" },
	} {
		one, other, err := path(t, change)
		if err == nil {
			// In TLS 1.3 the client is done before the server has judged it; its first read tells.
			_, err = one.Read([]byte{0})
		}
		if err == nil || (other != nil && one != nil && name != "the client is another") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBytesArriveInOrderBothWaysUpToTheirEnds(t *testing.T) {
	one, other := carriers(t)
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<20/16*6)
	go func() {
		// Says back what comes, and so reads more than a window.
		_, _ = io.Copy(other, other)
		_ = other.CloseWrite()
	}()
	go func() {
		_, _ = one.Write(data)
		_ = one.CloseWrite()
	}()
	got, err := io.ReadAll(one)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes of %d, %v", len(got), len(data), err)
	}
	for _, conn := range []*Conn{one, other} {
		select {
		case <-conn.Done():
		case <-time.After(5 * time.Second):
			t.Fatal("both ways are complete, and the path is still there")
		}
	}
	if _, err := one.Write([]byte("more")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
}

func TestAPathThatIsCutIsAnErrorAndNoEnd(t *testing.T) {
	one, other := carriers(t)
	if _, err := other.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(one, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	other.Abort()
	if _, err := one.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
}

func TestAWriterWaitsForAReaderThatTakesNothing(t *testing.T) {
	one, other := carriers(t)
	// Long enough for a window with the race detector on a busy machine; what the window stops takes all of it.
	if err := one.SetWriteDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	written, err := one.Write(make([]byte, 2*windowBytes))
	if !errors.Is(err, os.ErrDeadlineExceeded) || written > windowBytes || written < windowBytes-frameBytes {
		t.Fatalf("%d bytes, %v", written, err)
	}
	if err := one.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.CopyN(io.Discard, other, windowBytes) }()
	if _, err := one.Write(make([]byte, frameBytes)); err != nil {
		t.Errorf("%v", err)
	}
}

func TestAReadDeadlineEndsAReadThatWaits(t *testing.T) {
	one, _ := carriers(t)
	if err := one.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestWhatWasWrittenBeforeCloseArrives(t *testing.T) {
	one, other := carriers(t)
	if _, err := one.Write([]byte("last words")); err != nil {
		t.Fatal(err)
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
	got, err := io.ReadAll(other)
	if err != nil || string(got) != "last words" {
		t.Fatalf("%q, %v", got, err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	<-one.Done()
	<-other.Done()
}

func TestFramesThatNoneHasAreRefused(t *testing.T) {
	for _, head := range [][]byte{
		frameHead(frameData, frameBytesMax+1), frameHead(frameEnd, 1), frameHead(frameAlive, 1),
		frameHead(frameMoved, 1), frameHead(5, 0),
	} {
		if _, _, err := readFrameHead(bytes.NewReader(head), false); err == nil || !strings.Contains(err.Error(), "which none has") {
			t.Errorf("%x: %v", head, err)
		}
	}
}

func TestAPeerThatDoesNotKeepToTheFramesEndsThePath(t *testing.T) {
	for name, said := range map[string][]byte{
		"more after its end":      append(frameHead(frameEnd, 0), frameHead(frameData, 1)...),
		"taken what was not sent": frameHead(frameTaken, 1),
		"more than the window":    append(bytes.Repeat(append(frameHead(frameData, frameBytesMax), make([]byte, frameBytesMax)...), windowBytes/frameBytesMax), append(frameHead(frameData, 1), 0)...),
	} {
		one, other, err := path(t, func(_, _ *peerProof) {})
		if err != nil {
			t.Fatal(err)
		}
		raw := one.NetConn()
		c := newCarrier(one, carrierDeps{
			flush: func() error { return nil }, finish: func() {}, drain: func() {}, destroy: func() { raw.Close() }, isRelayed: true,
		})
		go func() { _, _ = other.Write(said) }()
		select {
		case <-c.closed:
		case <-time.After(5 * time.Second):
			t.Errorf("%s: the path stands", name)
		}
	}
}

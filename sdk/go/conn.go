package switchyard

import (
	"errors"
	"net"
	"strconv"
	"time"

	pb "switchyard.example/switchyard/v1"
)

// PeerAddr is the address of an instance: its SID.
type PeerAddr struct{ Cvid int32 }

// Network answers with "switchyard".
func (PeerAddr) Network() string { return "switchyard" }

// String answers with the SID.
func (a PeerAddr) String() string { return strconv.Itoa(int(a.Cvid)) }

// Path says how the bytes of a connection go.
type Path string

// The paths there are.
const (
	Relayed Path = "relayed"
	Direct  Path = "direct"
)

// Conn is a connection to a peer: a net.Conn whose ways can be ended one by one. Reads end with
// io.EOF only when the peer has said that its data is complete; a path that was cut is an error. EndToEnd says where the server
// could read it.
//
// A deadline of Write is for the wait for room; what was handed over before goes on its way.
type Conn struct {
	carrier *carrier
	facts   connFacts
}

type connFacts struct {
	id       string
	own      int32
	peer     int32
	link     pb.LinkType
	path     Path
	incoming bool
	endToEnd bool
	// Of the peer's key, which TLS has proved; or why nothing endorses it.
	endorsement Endorsement
	unendorsed  error
}

var _ net.Conn = (*Conn)(nil)

var errUnproved = errors.New("it has proved no key: the connection is not encrypted between the two ends")

// ID names the connection, the same at both ends and for GetConnection.
func (c *Conn) ID() string { return c.facts.id }

// PeerCvid is the node at the other end.
func (c *Conn) PeerCvid() int32 { return c.facts.peer }

// Path says whether the bytes go through the server.
func (c *Conn) Path() Path { return c.facts.path }

// EndToEnd says whether it is encrypted between the two ends, so that the server cannot read it. It is not with a server or a peer
// of release 0.1.0 and with a peer that speaks system events, where it goes through the server.
func (c *Conn) EndToEnd() bool { return c.facts.endToEnd }

// PeerEndorsement says which identity's key stands behind the key that the peer has proved; an error where none does. Compare its
// KeyID with one that is known before anything is written: all else that is said of a peer is the server's word.
func (c *Conn) PeerEndorsement() (Endorsement, error) { return c.facts.endorsement, c.facts.unendorsed }

// Incoming says whether the peer asked for it.
func (c *Conn) Incoming() bool { return c.facts.incoming }

// Read reads what the peer has written.
func (c *Conn) Read(into []byte) (int, error) { return c.carrier.Read(into) }

// Write sends bytes; it returns when the next may follow.
func (c *Conn) Write(bytes []byte) (int, error) { return c.carrier.Write(bytes) }

// CloseWrite says that nothing more is written. The peer reads up to that.
func (c *Conn) CloseWrite() error { return c.carrier.CloseWrite() }

// Close says that nothing more is written and lets what comes go. What was written still reaches the peer, while the instance is
// there; Instance.Leave and Client.Close wait for it, for some seconds.
func (c *Conn) Close() error { return c.carrier.Close() }

// Abort ends the connection at once, which is an error at the peer.
func (c *Conn) Abort() { c.carrier.destroy(net.ErrClosed) }

// Done is closed when nothing is left of the connection: what this end has sent is with the peer, or lost.
func (c *Conn) Done() <-chan struct{} { return c.carrier.closed }

// LocalAddr is this instance.
func (c *Conn) LocalAddr() net.Addr { return PeerAddr{c.facts.own} }

// RemoteAddr is the instance at the other end.
func (c *Conn) RemoteAddr() net.Addr { return PeerAddr{c.facts.peer} }

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (c *Conn) SetDeadline(at time.Time) error {
	_ = c.SetReadDeadline(at)
	return c.SetWriteDeadline(at)
}

// SetReadDeadline has reads that wait longer end with os.ErrDeadlineExceeded. Zero: they wait.
func (c *Conn) SetReadDeadline(at time.Time) error {
	c.carrier.mu.Lock()
	defer c.carrier.mu.Unlock()
	c.carrier.readBy.set(at)
	return nil
}

// SetWriteDeadline has writes that wait longer for room end with os.ErrDeadlineExceeded. Zero: they wait.
func (c *Conn) SetWriteDeadline(at time.Time) error {
	c.carrier.mu.Lock()
	defer c.carrier.mu.Unlock()
	c.carrier.writeBy.set(at)
	return nil
}

package switchyard

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// Bytes that may be on their way to a reader that has not taken them: 400 Mbit/s through a server that is 80 ms from each end.
	windowBytes = 8 << 20
	// A reader says what it has taken once it is so much: what is taken and not said is as good as on its way.
	takenBytes = windowBytes / 8
	// The largest piece that waits for the reader as one.
	pieceBytes = 32 << 10
	// Between two signs of life on a direct path, and how many of them may be missed.
	aliveEvery     = 5 * time.Second
	aliveMissedMax = 4
	// How long the peer's end is awaited once both ways are complete.
	lingerFor = 10 * time.Second
)

// What a carrier needs besides its TLS.
type carrierDeps struct {
	// Returns once what was written outlives this process.
	flush func() error
	// Says below TLS that nothing more is written, and returns when all of that is with the peer.
	finish func()
	// Reads what is below TLS to its end.
	drain func()
	// Lets go of what is below TLS at once.
	destroy func()
	// It goes through the server, which says whether the peer lives: no signs of life.
	isRelayed bool
	// The server can read it.
	isPlain bool
}

// What carries frames. Each call of Write brings one.
type framedPath interface {
	io.ReadWriter
	// Says that nothing more is written.
	CloseWrite() error
}

// carrier is a path that is proved and encrypted, direct or through the server; or one through the server alone, as older peers and
// servers know it.
//
// The end of each way is a frame, under the same authentication as the data. The path itself is ended only when both ways are
// complete, so anything else that ends it is an error and never the end of the data. A sender goes on only when its peer's
// reader has taken what is beyond a window, so the path is always read, and what waits for the reader is bounded.
type carrier struct {
	secured framedPath
	deps    carrierDeps
	// Closed when nothing is left of the path; `err` says how it went.
	closed chan struct{}
	// Closed when nothing more is read.
	readDone chan struct{}
	// One call of Write at a time, and one frame.
	writers sync.Mutex
	writing sync.Mutex

	mu sync.Mutex
	// Anything below has changed.
	news *sync.Cond
	// What waits for the reader, its bytes, and what was read and not said to be taken.
	pieces [][]byte
	held   int
	toSay  int
	// Bytes that were sent and that the peer's reader has not said to have taken.
	untaken int
	// The peer has said that its way is complete; this end has; and all of it is on its way for good.
	hasEnded   bool
	hasSaid    bool
	isFinished bool
	// Nobody reads any more: what comes is let go.
	isAbandoned bool
	hasHeard    bool
	hasSent     bool
	missed      int
	err         error
	parting     sync.Once
	readBy      deadline
	writeBy     deadline
}

func newCarrier(secured framedPath, deps carrierDeps) *carrier {
	c := &carrier{secured: secured, deps: deps, closed: make(chan struct{}), readDone: make(chan struct{})}
	c.news = sync.NewCond(&c.mu)
	c.readBy.wake, c.writeBy.wake = c.wake, c.wake
	go c.readAll()
	if !deps.isRelayed {
		go c.live()
	}
	return c
}

// Writes bytes of the connection; it returns when the peer's window has taken them.
func (c *carrier) Write(bytes []byte) (int, error) {
	c.writers.Lock()
	defer c.writers.Unlock()
	written := 0
	for written < len(bytes) {
		piece := bytes[written:]
		if len(piece) > frameBytes {
			piece = piece[:frameBytes]
		}
		if err := c.awaitRoom(len(piece)); err != nil {
			return written, err
		}
		if err := c.send(frameData, len(piece), piece); err != nil {
			return written, err
		}
		written += len(piece)
	}
	return written, nil
}

func (c *carrier) awaitRoom(length int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.hasSaid || c.isAbandoned:
			return net.ErrClosed
		case c.err != nil:
			return c.err
		case c.writeBy.isOver():
			return os.ErrDeadlineExceeded
		case c.untaken == 0 || c.untaken+length <= windowBytes:
			c.untaken += length
			return nil
		}
		c.news.Wait()
	}
}

// Says that this way is complete. Returns at once; what was sent goes on its way.
func (c *carrier) CloseWrite() error {
	c.mu.Lock()
	if c.hasSaid || c.err != nil {
		err := c.err
		c.mu.Unlock()
		return err
	}
	c.hasSaid = true
	c.news.Broadcast()
	c.mu.Unlock()
	go func() {
		err := c.send(frameEnd, 0, nil)
		if err == nil {
			err = c.deps.flush()
		}
		if err != nil {
			c.destroy(err)
			return
		}
		c.mu.Lock()
		c.isFinished = true
		isOver := c.hasEnded
		c.news.Broadcast()
		c.mu.Unlock()
		if isOver {
			c.part()
		}
	}()
	return nil
}

// Says that this way is complete and lets what comes go; the path goes once the peer has heard so, and has ended its own way or
// had time to.
func (c *carrier) Close() error {
	c.mu.Lock()
	if c.isAbandoned {
		c.mu.Unlock()
		return nil
	}
	c.isAbandoned = true
	c.pieces = nil
	c.news.Broadcast()
	c.mu.Unlock()
	_ = c.CloseWrite()
	go c.closeLater()
	return nil
}

func (c *carrier) closeLater() {
	c.mu.Lock()
	for !c.isFinished && c.err == nil {
		c.news.Wait()
	}
	c.mu.Unlock()
	timer := time.NewTimer(lingerFor)
	defer timer.Stop()
	select {
	case <-c.closed:
	case <-timer.C:
		c.destroy(net.ErrClosed)
	}
}

// Ends the path at once: an error at the peer, unless both ways are complete. The first reason stands.
func (c *carrier) destroy(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	c.news.Broadcast()
	c.mu.Unlock()
	c.deps.destroy()
}

// Whether this end has said that it is done, and the path is not gone yet.
func (c *carrier) isLeaving() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.isAbandoned || (c.hasSaid && c.hasEnded)
}

func (c *carrier) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.news.Broadcast()
}

func (c *carrier) send(kind frameKind, length int, bytes []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	c.hasSent = true
	c.mu.Unlock()
	_, err := c.secured.Write(append(frameHead(kind, length), bytes...))
	if err != nil {
		c.destroy(err)
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.err
	}
	return nil
}

// Both ways are complete: says so below the frames, and waits for the peer to do the same.
func (c *carrier) part() {
	c.parting.Do(func() {
		go func() {
			late := time.AfterFunc(lingerFor, c.deps.destroy)
			defer late.Stop()
			_ = c.secured.CloseWrite()
			c.deps.finish()
			<-c.readDone
			c.deps.destroy()
			c.mu.Lock()
			if c.err == nil {
				c.err = net.ErrClosed
			}
			c.news.Broadcast()
			c.mu.Unlock()
			close(c.closed)
		}()
	})
}

// Sends signs of life and awaits them, also after the end of this way: a path that is dead is known while data is on its way.
func (c *carrier) live() {
	ticker := time.NewTicker(aliveEvery)
	defer ticker.Stop()
	for isFirst := true; ; isFirst = false {
		c.mu.Lock()
		isQuiet := !c.hasSent
		c.hasSent = false
		if !isFirst {
			c.missed++
		}
		isDead := c.missed > aliveMissedMax
		c.mu.Unlock()
		if isDead {
			c.destroy(errors.New("the path is dead: nothing has come from the peer"))
			return
		}
		// One who writes says enough.
		if isQuiet && c.writing.TryLock() {
			_, _ = c.secured.Write(frameHead(frameAlive, 0))
			c.writing.Unlock()
		}
		select {
		case <-ticker.C:
		case <-c.closed:
			return
		}
	}
}

func least(one, other int) int {
	if one < other {
		return one
	}
	return other
}

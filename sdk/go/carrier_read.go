package switchyard

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// Reads bytes of the connection; io.EOF when the peer has said that its way is complete.
func (c *carrier) Read(into []byte) (int, error) {
	c.mu.Lock()
	for len(c.pieces) == 0 || c.isAbandoned {
		err := c.readError()
		if err != nil {
			c.mu.Unlock()
			return 0, err
		}
		c.news.Wait()
	}
	count := copy(into, c.pieces[0])
	if c.pieces[0] = c.pieces[0][count:]; len(c.pieces[0]) == 0 {
		c.pieces = c.pieces[1:]
	}
	c.held -= count
	c.toSay += count
	say := 0
	// Nobody waits for it after the end of the peer's way.
	if c.toSay >= takenBytes && !c.hasEnded && c.err == nil {
		say, c.toSay = c.toSay, 0
	}
	c.mu.Unlock()
	if say > 0 {
		// Where the path is dead, reading finds out.
		_ = c.send(frameTaken, say, nil)
	}
	return count, nil
}

// Why nothing can be read: under the lock.
func (c *carrier) readError() error {
	switch {
	case c.isAbandoned:
		return net.ErrClosed
	case c.hasEnded:
		return io.EOF
	case c.err != nil:
		return c.err
	case c.readBy.isOver():
		return os.ErrDeadlineExceeded
	default:
		return nil
	}
}

// Whether the peer says anything in time, as it does at once when it has the path, too.
func (c *carrier) heard(within time.Duration) bool {
	late := time.AfterFunc(within, c.wake)
	defer late.Stop()
	endsAt := time.Now().Add(within)
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.hasHeard && c.err == nil && time.Now().Before(endsAt) {
		c.news.Wait()
	}
	return c.hasHeard
}

func (c *carrier) readAll() {
	err := c.readFrames(bufio.NewReaderSize(c.secured, 2*pieceBytes))
	defer close(c.readDone)
	c.mu.Lock()
	isCut := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	isWell := c.hasEnded && c.hasSaid && isCut
	where := "before the peer had said that its data is complete"
	if c.hasEnded {
		where = "before all was sent to it"
	}
	c.mu.Unlock()
	if isWell {
		// Both ends have said so; what this one said last is with the peer, or on its way to it. What lies below is read to its
		// end: bytes that nobody takes would keep the peer waiting.
		c.part()
		c.deps.drain()
		return
	}
	if isCut {
		err = fmt.Errorf("the path was cut %s", where)
	}
	c.destroy(err)
	c.parting.Do(func() { close(c.closed) })
}

func (c *carrier) readFrames(from *bufio.Reader) error {
	buffer := make([]byte, pieceBytes)
	for {
		kind, length, err := readFrameHead(from, c.deps.isRelayed)
		if err != nil {
			return err
		}
		if err := c.take(kind, length); err != nil {
			return err
		}
		if kind != frameData {
			continue
		}
		for left := length; left > 0; {
			count, err := from.Read(buffer[:least(left, pieceBytes)])
			if err != nil {
				return err
			}
			left -= count
			if err := c.hold(buffer[:count]); err != nil {
				return err
			}
		}
	}
}

// Takes what a frame says that is not data.
func (c *carrier) take(kind frameKind, length int) error {
	c.mu.Lock()
	c.hasHeard, c.missed = true, 0
	isOver := false
	var err error
	switch {
	case c.hasEnded && kind != frameTaken && kind != frameAlive:
		err = errors.New("the peer sends more after it has said that it is done")
	case kind == frameMoved:
		err = errors.New("the peer has moved to a direct path that is not there at this end")
	case kind == frameEnd:
		c.hasEnded = true
		isOver = c.isFinished
	case kind == frameTaken && length > c.untaken:
		err = errors.New("the peer has taken more than was sent to it")
	case kind == frameTaken:
		c.untaken -= length
	}
	c.news.Broadcast()
	c.mu.Unlock()
	if isOver {
		c.part()
	}
	return err
}

func (c *carrier) hold(piece []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hasHeard, c.missed = true, 0
	if c.isAbandoned {
		return nil
	}
	c.held += len(piece)
	if c.held+c.toSay > windowBytes {
		return errors.New("the peer sends more than was taken from it")
	}
	// Small pieces are joined: each costs more than its bytes.
	if last := len(c.pieces) - 1; last >= 0 && len(c.pieces[last])+len(piece) <= pieceBytes {
		c.pieces[last] = append(c.pieces[last], piece...)
	} else {
		c.pieces = append(c.pieces, append([]byte(nil), piece...))
	}
	c.news.Broadcast()
	return nil
}

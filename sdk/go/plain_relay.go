package switchyard

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// plainRelay is two streams through the server, one each way, whose blocks the server can read, as the path below a carrier. It is
// what servers and peers of release 0.1.0 know, and peers that speak system events. Frames of the carrier become blocks:
//
//	version 1    | kind 1 B | bytes |
//	version 0    bytes
//
// In both the end of the call is the end of the way. A block counts as taken once the stream has taken it, whose window is the
// flow control. Without delivery confirmation nothing is repeated: a call that breaks ends the connection.
type plainRelay struct {
	source   *Source
	sink     *Sink
	isFramed bool

	mu sync.Mutex
	// Anything below has changed.
	news *sync.Cond
	// Blocks to be sent, at most the carrier's window of bytes; and bytes that were sent and the carrier was not told of.
	waiting    [][]byte
	sent       int
	isComplete bool
	// What came, and its bytes that the carrier's reader has not said to have taken: at most a window.
	came     [][]byte
	held     int
	hasEnded bool
	// The end of the peer's way was handed on; all of this end's way is with the peer.
	isEndRead  bool
	isFinished bool
	err        error
	// Used by the reader only: the rest of a frame.
	unread []byte
}

func newPlainRelay(source *Source, sink *Sink, isFramed bool) *plainRelay {
	p := &plainRelay{source: source, sink: sink, isFramed: isFramed}
	p.news = sync.NewCond(&p.mu)
	go p.sendAll()
	go p.receiveAll()
	go func() {
		<-source.ended
		p.finish(source.endedWith())
	}()
	return p
}

// Write takes over one whole frame, at once: how much may wait is bounded by the carrier's window.
func (p *plainRelay) Write(frame []byte) (int, error) {
	word := binary.BigEndian.Uint32(frame)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return 0, p.err
	}
	switch kind, length := frameKind(word>>24), int(word&0xffffff); kind {
	case frameData:
		block := frame[frameHeadBytes-1:]
		if !p.isFramed {
			block = block[1:]
		} else {
			block[0] = byte(frameData)
		}
		p.waiting = append(p.waiting, block)
	case frameEnd:
		p.isComplete = true
	case frameTaken:
		p.held -= length
	}
	p.news.Broadcast()
	return len(frame), nil
}

// Read reads frames: those of the peer, and what of this end's data was taken.
func (p *plainRelay) Read(into []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.unread) == 0 {
		switch {
		case p.sent > 0:
			p.unread, p.sent = frameHead(frameTaken, p.sent), 0
		case len(p.came) > 0:
			p.unread = append(frameHead(frameData, len(p.came[0])), p.came[0]...)
			p.came = p.came[1:]
		case p.err != nil:
			return 0, p.err
		case p.hasEnded && !p.isEndRead:
			p.unread, p.isEndRead = frameHead(frameEnd, 0), true
		case p.hasEnded && p.isFinished:
			return 0, io.EOF
		default:
			p.news.Wait()
		}
	}
	count := copy(into, p.unread)
	p.unread = p.unread[count:]
	return count, nil
}

// CloseWrite changes nothing: the frame END has ended the call.
func (p *plainRelay) CloseWrite() error { return nil }

// Waits until the peer has everything, after the end was written.
func (p *plainRelay) flush() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.isFinished && p.err == nil {
		p.news.Wait()
	}
	return p.err
}

// Cancels the source first: what the end of the sink wakes is to find that there is nothing left to complete.
func (p *plainRelay) close() {
	p.source.Close()
	p.sink.Close()
}

func (p *plainRelay) sendAll() {
	for {
		block, isComplete := p.nextBlock()
		if isComplete {
			_ = p.source.Finish()
			return
		}
		if block == nil {
			// The end of the call would tell the peer that it has everything.
			p.source.Close()
			return
		}
		if err := p.source.WriteBlock(block); err != nil {
			p.fail(err)
			return
		}
		p.mu.Lock()
		p.sent += len(block)
		if p.isFramed {
			p.sent--
		}
		p.news.Broadcast()
		p.mu.Unlock()
	}
}

// The next block to send, or that all of this end's data was sent; neither: the relay has failed.
func (p *plainRelay) nextBlock() (block []byte, isComplete bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.waiting) == 0 && !p.isComplete && p.err == nil {
		p.news.Wait()
	}
	if p.err != nil {
		return nil, false
	}
	if len(p.waiting) == 0 {
		return nil, true
	}
	block = p.waiting[0]
	p.waiting = p.waiting[1:]
	return block, false
}

func (p *plainRelay) receiveAll() {
	for {
		block, err := p.sink.ReadBlock()
		if err == nil && p.sink.LostBlocks() > 0 {
			err = fmt.Errorf("the server has lost %d blocks of what the peer sent", p.sink.LostBlocks())
		}
		if err == nil && p.isFramed {
			block, err = unframe(block)
		}
		if err == nil {
			err = p.hold(block)
		}
		if err == io.EOF {
			p.mu.Lock()
			p.hasEnded = true
			p.news.Broadcast()
			p.mu.Unlock()
			return
		}
		if err != nil {
			p.fail(err)
			return
		}
	}
}

// Keeps a block for the reader, once there is room for it.
func (p *plainRelay) hold(block []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.held > 0 && p.held+len(block) > windowBytes && p.err == nil {
		p.news.Wait()
	}
	if p.err == nil && len(block) > 0 {
		p.held += len(block)
		p.came = append(p.came, block)
		p.news.Broadcast()
	}
	return p.err
}

func unframe(block []byte) ([]byte, error) {
	switch frameKind(block[0]) {
	case frameData:
		return block[1:], nil
	case frameMoved:
		return nil, errors.New("the peer has moved to a direct path that is not there at this end")
	default:
		return nil, fmt.Errorf("the peer relays frames of kind %d, which this client does not know", block[0])
	}
}

// The call of this end's way is over.
func (p *plainRelay) finish(err error) {
	if err != nil {
		p.fail(err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isFinished = true
	p.news.Broadcast()
}

func (p *plainRelay) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
	p.news.Broadcast()
}

// Opens both streams of an order to relay that is not encrypted between the ends.
func openPlainRelay(ctx context.Context, ordered *orderedRelay) (*plainRelay, error) {
	var source *Source
	var sink *Sink
	zero := uint64(0)
	order, instance := ordered.order, ordered.instance
	err := openAgain(ctx, ordered.newBackoff(), nil, func() (err error) {
		source, err = openSource(ctx, instance.caller, order.GetRelayStreamId(), &zero, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = openAgain(ctx, ordered.newBackoff(), nil, func() (err error) {
		sink, err = instance.OpenSink(ctx, order.GetRelayBranchId(), &zero)
		return err
	})
	if err != nil {
		source.Close()
		return nil, err
	}
	return newPlainRelay(source, sink, order.GetRelayVersion() > 0), nil
}

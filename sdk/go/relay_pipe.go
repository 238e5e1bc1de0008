package switchyard

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

const (
	// Bytes of a block: what a stream takes that does not say otherwise.
	blockBytes = 65_536
	// Bytes that are kept until the sink has confirmed them: what the server's window holds, and as much on its way.
	keptBytesMax = 8 << 20
	// The longest wait between two tries to open an end again: a sink that stays away is cut off.
	reopenWaitMax = 5 * time.Second
	// How long that is tried: as long as it takes to move a server to another machine.
	reopenFor = 10 * time.Minute
)

// What opens the ends of the two streams of a relayed connection.
type relayOpener interface {
	openSource(ctx context.Context, blocks uint64, onConfirmed func(uint64)) (*Source, error)
	openSink(ctx context.Context, blocks uint64) (*Sink, error)
	newBackoff() *backoff
}

// relayPipe is two streams through the server with delivery confirmation, one each way, as one net.Conn: bytes in order, each
// once, through broken calls and restarts of the server. What is not confirmed is kept, and repeated on the next call. It has
// no deadlines: only the TLS above it uses it, which sets none that matter.
type relayPipe struct {
	opener relayOpener
	ctx    context.Context
	cancel context.CancelFunc
	// Closed when everything was sent and confirmed after `finish`, or the way out has failed.
	sent chan struct{}

	// Used by the reader only.
	sink   *Sink
	unread []byte

	mu sync.Mutex
	// Anything below has changed.
	news *sync.Cond
	// Blocks from number `confirmed` on.
	kept       [][]byte
	keptBytes  int
	confirmed  uint64
	isComplete bool
	err        error
}

func newRelayPipe(ctx context.Context, opener relayOpener) *relayPipe {
	ctx, cancel := context.WithCancel(ctx)
	p := &relayPipe{opener: opener, ctx: ctx, cancel: cancel, sent: make(chan struct{})}
	p.news = sync.NewCond(&p.mu)
	go p.sendAll()
	go func() {
		<-ctx.Done()
		p.fail(net.ErrClosed)
	}()
	return p
}

// Write takes bytes; it returns when more may follow.
func (p *relayPipe) Write(bytes []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	written := 0
	for written < len(bytes) {
		for p.keptBytes >= keptBytesMax && p.err == nil {
			p.news.Wait()
		}
		if p.err != nil {
			return written, p.err
		}
		rest := bytes[written:]
		if len(rest) > blockBytes {
			rest = rest[:blockBytes]
		}
		p.kept = append(p.kept, append([]byte(nil), rest...))
		p.keptBytes += len(rest)
		written += len(rest)
		p.news.Broadcast()
	}
	return written, nil
}

// Read reads what the peer has written, over broken calls.
func (p *relayPipe) Read(into []byte) (int, error) {
	for len(p.unread) == 0 {
		block, err := p.readBlock()
		if err != nil {
			return 0, err
		}
		p.unread = block
	}
	count := copy(into, p.unread)
	p.unread = p.unread[count:]
	return count, nil
}

// Close lets go at once.
func (p *relayPipe) Close() error {
	p.cancel()
	return nil
}

// Waits until the other end has taken everything that was written.
func (p *relayPipe) flush() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	until := p.confirmed + uint64(len(p.kept))
	for p.confirmed < until && p.err == nil {
		p.news.Wait()
	}
	if p.confirmed < until {
		return p.err
	}
	return nil
}

// Says that there is no more to write. `sent` is closed when the other end has all of it.
func (p *relayPipe) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isComplete = true
	p.news.Broadcast()
}

func (p *relayPipe) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
	p.news.Broadcast()
	p.cancel()
}

func (p *relayPipe) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *relayPipe) sendAll() {
	defer close(p.sent)
	var failure error
	waits := p.opener.newBackoff()
	for {
		var source *Source
		err := p.reopen(waits, failure, func() (err error) {
			p.mu.Lock()
			confirmed := p.confirmed
			p.mu.Unlock()
			source, err = p.opener.openSource(p.ctx, confirmed, p.letGo)
			return err
		})
		if err != nil {
			p.fail(err)
			return
		}
		since := time.Now()
		if failure = p.sendOn(source); failure == nil {
			return
		}
		waits.stood(time.Since(since))
	}
}

// Sends what is kept, and what comes, on one call. Nil: all is complete.
func (p *relayPipe) sendOn(source *Source) error {
	defer source.Close()
	p.letGo(source.ConfirmedBlocks())
	go func() {
		<-source.ended
		p.mu.Lock()
		p.news.Broadcast()
		p.mu.Unlock()
	}()
	for next := source.SentBlocks(); ; next++ {
		block, err := p.nextBlock(source, next)
		if err != nil {
			return err
		}
		if block == nil {
			return source.Finish()
		}
		if err := source.WriteBlock(block); err != nil {
			return err
		}
	}
}

// The block of a number, once there is one; nil: there is no more. An error: the call is over.
func (p *relayPipe) nextBlock(source *Source, number uint64) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		select {
		case <-source.ended:
			return nil, source.failure()
		default:
		}
		if number < p.confirmed {
			return nil, newError(codes.DataLoss, "the server confirms block %d, which comes again", number)
		}
		if at := number - p.confirmed; at < uint64(len(p.kept)) {
			return p.kept[at], nil
		}
		if p.isComplete {
			return nil, nil
		}
		p.news.Wait()
	}
}

// The sink has so many blocks.
func (p *relayPipe) letGo(confirmed uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for ; p.confirmed < confirmed && len(p.kept) > 0; p.confirmed++ {
		p.keptBytes -= len(p.kept[0])
		p.kept[0] = nil
		p.kept = p.kept[1:]
	}
	p.news.Broadcast()
}

func (p *relayPipe) readBlock() ([]byte, error) {
	if p.sink == nil {
		if err := p.reopenSink(0, nil); err != nil {
			return nil, err
		}
	}
	for {
		block, err := p.sink.ReadBlock()
		if err == nil || err == io.EOF {
			return block, err
		}
		if err := p.reopenSink(p.sink.TakenBlocks(), err); err != nil {
			return nil, err
		}
	}
}

func (p *relayPipe) reopenSink(taken uint64, failure error) error {
	if p.sink != nil {
		p.sink.Close()
	}
	err := p.reopen(p.opener.newBackoff(), failure, func() (err error) {
		p.sink, err = p.opener.openSink(p.ctx, taken)
		return err
	})
	if err == nil && p.sink.LostBlocks() > 0 {
		err = fmt.Errorf("the server has lost %d blocks of what the peer sent", p.sink.LostBlocks())
	}
	if err != nil {
		// The first reason stands: the way out may have failed before, which ends this one.
		p.fail(err)
		return p.failure()
	}
	return nil
}

func (p *relayPipe) reopen(waits *backoff, failure error, open func() error) error {
	return openAgain(p.ctx, waits, failure, open)
}

// Opens an end, and again when the server was away: what time does not heal is returned. `failure`: why the last end is over;
// then there is a wait first.
func openAgain(ctx context.Context, waits *backoff, failure error, open func() error) error {
	endsAt := time.Now().Add(reopenFor)
	for {
		if ctx.Err() != nil {
			return net.ErrClosed
		}
		if failure != nil {
			reason := errorOf(failure)
			if eventOf(reason) != broke || isOfMonth(reason) || time.Now().After(endsAt) {
				return failure
			}
			delay := waits.afterFailure(reason.RetryAfter, 0)
			if delay > reopenWaitMax {
				delay = reopenWaitMax
			}
			if err := sleep(ctx, delay); err != nil {
				return net.ErrClosed
			}
		}
		if failure = open(); failure == nil {
			return nil
		}
	}
}

// LocalAddr is the address of nothing: a net.Conn has one.
func (p *relayPipe) LocalAddr() net.Addr { return PeerAddr{} }

// RemoteAddr is the address of nothing, too.
func (p *relayPipe) RemoteAddr() net.Addr { return PeerAddr{} }

// SetDeadline changes nothing.
func (p *relayPipe) SetDeadline(time.Time) error { return nil }

// SetReadDeadline changes nothing.
func (p *relayPipe) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline changes nothing.
func (p *relayPipe) SetWriteDeadline(time.Time) error { return nil }

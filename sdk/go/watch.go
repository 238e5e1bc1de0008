package switchyard

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	pb "switchyard.example/switchyard/v1"
)

// A message of a watch.
type watchMessage interface {
	GetKind() pb.WatchKind
	GetPosition() *pb.Position
}

// One kind of watch: how it is asked for, and what its messages mean.
type watchPlan[Message watchMessage] struct {
	// Opens the call that continues past a position, or begins where that is nil; answers with what reads the next message.
	open func(ctx context.Context, after *pb.Position) (func() (Message, error), error)
	// The RESET that the client itself says when it has to begin again.
	reset func() Message
	// Whether a beginning is a snapshot.
	hasSnapshot bool
	// How many revisions a DELTA covers, where messages tell: then a missing revision is noticed. Nil: they do not.
	revisions func(Message) int
}

// Watch hands out the server's messages as they are, over every break. After one it continues past the last position; where
// that is not possible it begins again, and says so with a RESET that has no position. A reader that takes its time pauses it.
type Watch[Message watchMessage] struct {
	ctx     context.Context
	cancel  context.CancelFunc
	caller  *caller
	plan    watchPlan[Message]
	onBreak func(*Error, time.Duration)
	after   *pb.Position
	waits   *backoff
	// The call of the moment; nil: there is none.
	next   func() (Message, error)
	giveUp context.CancelFunc
	md     metadata.MD
	since  time.Time
	// Whether a RESET would tell its reader something new.
	hasTold   bool
	mustReset bool
	hasShown  bool
}

func newWatch[Message watchMessage](
	ctx context.Context, c *caller, plan watchPlan[Message], after *pb.Position, onBreak func(*Error, time.Duration),
) *Watch[Message] {
	if onBreak == nil {
		onBreak = func(*Error, time.Duration) {}
	}
	ctx, cancel := context.WithCancel(ctx)
	return &Watch[Message]{
		ctx: ctx, cancel: cancel, caller: c, plan: plan, onBreak: onBreak,
		after: after, waits: c.server.newBackoff(), hasTold: after != nil,
	}
}

// Close ends the watch, also one whose Next is waiting.
func (w *Watch[Message]) Close() { w.cancel() }

// Next waits for the next message. An *Error: the watch has ended, by its context or because the server will not have it. To be
// called by one goroutine at a time.
func (w *Watch[Message]) Next() (Message, error) {
	var none Message
	for {
		if w.mustReset {
			// Once: the next tries may fail as well, and nothing was told since.
			w.mustReset, w.hasTold = false, false
			return w.plan.reset(), nil
		}
		message, err := w.read()
		if err == nil {
			return message, nil
		}
		if w.ctx.Err() != nil {
			return none, errorOf(w.ctx.Err())
		}
		if err := w.rest(err); err != nil {
			return none, err
		}
	}
}

// Reads one message; opens a call where there is none.
func (w *Watch[Message]) read() (Message, *Error) {
	var none Message
	if w.next == nil {
		if err := w.open(); err != nil {
			return none, err
		}
	}
	message, err := receive(w.next, w.giveUp, watchSilence)
	if err != nil {
		// First: closing the channel ends calls with errors that look like a server's.
		if w.caller.server.channels.hasClosed() {
			return none, ErrClosed
		}
		if failure, ok := err.(*Error); ok {
			return none, failure
		}
		return none, endOf(err, "the watch")
	}
	w.hasShown = false
	if err := w.judge(message); err != nil {
		return none, err
	}
	w.after = w.positionAfter(message)
	w.hasTold = true
	return message, nil
}

func (w *Watch[Message]) open() *Error {
	w.since = time.Now()
	md, err := w.caller.credentials(w.ctx)
	if err != nil {
		return errorOf(err)
	}
	w.md = md
	if err := w.caller.server.checkOpen(); err != nil {
		return errorOf(err)
	}
	ctx, cancel := context.WithCancel(metadata.NewOutgoingContext(w.ctx, md))
	next, err := w.plan.open(ctx, w.after)
	if err != nil {
		cancel()
		return w.caller.server.errorOf(w.ctx, err)
	}
	w.next, w.giveUp = next, cancel
	return nil
}

// Rests after a break, or answers with the error that ends the watch.
func (w *Watch[Message]) rest(err *Error) error {
	if w.next != nil {
		w.giveUp()
		w.next = nil
	}
	if err.Reason == authRequired && !w.hasShown {
		w.hasShown = true
		if shown, _ := w.caller.show(w.ctx); shown {
			return nil
		}
	}
	beginsAgain := w.caller.failed(err, w.md)
	meaning := meaningForWatch(err)
	if err == ErrClosed || (meaning == watchEnds && !beginsAgain) {
		return err
	}
	if beginsAgain || meaning == watchBeginsAgain {
		w.after = nil
	}
	w.waits.stood(time.Since(w.since))
	var delay time.Duration
	if !w.caller.server.moveOn(err) {
		delay = w.waits.afterFailure(err.RetryAfter, 0)
	}
	w.onBreak(err, delay)
	if err := sleep(w.ctx, delay); err != nil {
		return errorOf(err)
	}
	w.mustReset = w.after == nil && w.hasTold
	return nil
}

// Where to continue when the watch breaks after this message; nil: only from the beginning.
func (w *Watch[Message]) positionAfter(message Message) *pb.Position {
	switch message.GetKind() {
	case pb.WatchKind_WATCH_KIND_SNAPSHOT:
		return nil
	case pb.WatchKind_WATCH_KIND_RESET:
		if w.plan.hasSnapshot {
			return nil
		}
	}
	return message.GetPosition()
}

// The server promises a whole snapshot and then every revision, once, in order. A broken promise is not passed on.
func (w *Watch[Message]) judge(message Message) *Error {
	kind, position := message.GetKind(), message.GetPosition()
	switch {
	case kind == pb.WatchKind_WATCH_KIND_SNAPSHOT || kind == pb.WatchKind_WATCH_KIND_RESET:
		return nil
	case position == nil:
		return newError(codes.DataLoss, "the watch told no position")
	case kind == pb.WatchKind_WATCH_KIND_SNAPSHOT_END:
		return nil
	case w.plan.hasSnapshot && w.after == nil:
		return newError(codes.DataLoss, "a message came before the end of the snapshot that it continues")
	case w.plan.revisions == nil || w.after == nil:
		return nil
	}
	var covers uint64
	if kind == pb.WatchKind_WATCH_KIND_DELTA {
		covers = uint64(w.plan.revisions(message))
	}
	if position.GetEpoch() == w.after.GetEpoch() && position.GetRevision() == w.after.GetRevision()+covers {
		return nil
	}
	return newError(codes.DataLoss, "revision %d of %s came with %d changes after revision %d of %s",
		position.GetRevision(), position.GetEpoch(), covers, w.after.GetRevision(), w.after.GetEpoch())
}

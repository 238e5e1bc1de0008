package switchyard

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"
	pb "switchyard.example/switchyard/v1"
)

// The metadata of a session's calls.
const sessionToken = "switchyard-session"

// A part of the lease: a rest that is longer renews the session meanwhile.
const leaseParts = 3

func (i *Instance) newTurn(state State) *turn {
	ctx, end := context.WithCancel(context.Background())
	return &turn{state, ctx, end}
}

// Does what each state is there for, one after the other, until it is over.
func (i *Instance) run() {
	defer close(i.done)
	for {
		i.tell()
		i.mu.Lock()
		now := i.turn
		i.mu.Unlock()
		if now.state == Ended {
			i.tell()
			return
		}
		happened, err := i.work(now)
		i.happen(now, happened, err)
	}
}

// Tells what is new, outside of the lock: a function that is told may send the instance elsewhere at once.
func (i *Instance) tell() {
	for {
		i.mu.Lock()
		tells := i.tells
		i.tells = nil
		i.mu.Unlock()
		if len(tells) == 0 {
			return
		}
		for _, tell := range tells {
			tell()
		}
	}
}

func (i *Instance) work(now *turn) (event, *Error) {
	var happened event
	var err error
	switch now.state {
	case Opening:
		happened, err = opened, i.open(now)
	case Attaching:
		happened, err = broke, i.attach(now)
	case Reattaching, Reopening:
		happened, err = rested, i.rest(now)
	case Leaving:
		happened = left
		i.sayGoodbye(now)
	}
	if err == nil {
		return happened, nil
	}
	failure := errorOf(err)
	return i.meaning(failure), failure
}

func (i *Instance) meaning(err *Error) event {
	// A client that was closed opens nothing any more.
	if err == ErrClosed {
		return over
	}
	if happened := eventOf(err); happened != lost || !i.options.NoReopen {
		return happened
	}
	return over
}

// Moves on as the table says. `of`: the turn that it is the outcome of, which is late news once another has begun; nil: anybody
// may say so at any time.
func (i *Instance) happen(of *turn, happened event, err *Error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	before := i.state
	after := nextState(before, happened)
	if after == before || (of != nil && of != i.turn) {
		return
	}
	now := time.Now()
	if before == Attached {
		i.attachWaits.stood(now.Sub(i.since))
		i.openWaits.stood(now.Sub(i.since))
	}
	i.state, i.since = after, now
	if after == Attached {
		// The call that made it attached is the one that keeps it so.
		i.later(i.options.Events.Attached, i.session)
	} else {
		i.turn.end()
		i.turn = i.newTurn(after)
		i.enter(after, before, err)
	}
	close(i.changed)
	i.changed = make(chan struct{})
}

// What a state begins with.
func (i *Instance) enter(state, before State, err *Error) {
	switch state {
	case Attaching:
		if before == Opening {
			i.later(i.options.Events.Opened, i.session)
		}
	case Reattaching, Reopening:
		if err == nil {
			err = missingReason()
		}
		i.enterRest(state, err)
	case Ended:
		if before == Leaving {
			err = nil
		}
		i.forgetSession(err)
		i.err = err
		i.turn.end()
		i.endLife()
		i.laterError(i.options.Events.Ended, err)
		go i.connections.end(err)
	}
}

func (i *Instance) enterRest(state State, err *Error) {
	isLost := state == Reopening && i.session != nil
	if isLost {
		i.forgetSession(err)
		i.laterError(i.options.Events.Lost, err)
		go i.connections.end(err)
	}
	// Resting longer than a part of the lease would lose the session to a short break.
	switch {
	case !isLost && i.caller.server.moveOn(err):
		i.delay = 0
	case i.session != nil:
		i.delay = i.attachWaits.afterFailure(err.RetryAfter, i.session.TTL/leaseParts)
	default:
		i.delay = i.openWaits.afterFailure(err.RetryAfter, 0)
	}
	if broken, delay := i.options.Events.Broken, i.delay; broken != nil {
		i.tells = append(i.tells, func() { broken(err, delay) })
	}
}

func (i *Instance) later(tell func(*OwnSession), session *OwnSession) {
	if tell != nil {
		i.tells = append(i.tells, func() { tell(session) })
	}
}

func (i *Instance) laterError(tell func(*Error), err *Error) {
	if tell != nil {
		i.tells = append(i.tells, func() { tell(err) })
	}
}

func (i *Instance) forgetSession(why *Error) {
	i.session, i.sessionEnd = nil, endReason(why)
	if i.orders != nil {
		i.orders.end()
	}
	i.orders = nil
}

func (i *Instance) open(now *turn) error {
	proof, err := i.prove(now.ctx, pb.ProofPurpose_PROOF_PURPOSE_SESSION)
	if err != nil {
		return err
	}
	request := &pb.SessionRequest{
		InstanceUuid: i.options.UUID, InstanceType: i.options.Type, InstanceFlavor: i.options.Flavor,
		Name: i.options.Name, Labels: i.options.Labels, Proof: proof,
	}
	if i.options.TTL != 0 {
		request.Ttl = durationpb.New(i.options.TTL)
	}
	answer, err := call(now.ctx, i.anybody, i.anybody.server.sessions.Session, request, false)
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.turn != now {
		return errors.New("late news")
	}
	i.session = &OwnSession{
		Cvid: answer.GetInstanceSid(), ServerCvid: answer.GetServerSid(), ServerUUID: answer.GetServerUuid(),
		TTL: answer.GetTtl().AsDuration(), StreamID: answer.GetStreamId(), Position: answer.GetPosition(),
		Identity: answer.GetIdentity(), token: answer.GetSessionToken(), rendezvous: answer.GetRendezvous(),
		takesRequestIDs: answer.GetRelayVersion() > 0,
	}
	i.orders = newOrders(i)
	return nil
}

// Attaches; on a connection that is new, once more with a proof where the server asks for one.
func (i *Instance) attach(now *turn) error {
	err := i.attachOnce(now)
	if errorOf(err).Reason != authRequired {
		return err
	}
	if shown, _ := i.show(now.ctx); !shown {
		return err
	}
	return i.attachOnce(now)
}

func (i *Instance) attachOnce(now *turn) error {
	md, err := i.credentials(now.ctx)
	if err != nil {
		return err
	}
	if err := i.caller.server.checkOpen(); err != nil {
		return err
	}
	ctx, giveUp := context.WithCancel(metadata.NewOutgoingContext(now.ctx, md))
	defer giveUp()
	stream, err := i.caller.server.sessions.Attach(ctx, &pb.AttachRequest{})
	if err != nil {
		return i.caller.server.errorOf(now.ctx, err)
	}
	for {
		message, err := receive(stream.Recv, giveUp, attachmentSilence)
		if err != nil {
			return i.endOfAttachment(err)
		}
		i.happen(now, welcomed, nil)
		i.take(message.GetOrder())
		i.tell()
	}
}

func (i *Instance) endOfAttachment(err error) error {
	if i.caller.server.channels.hasClosed() {
		return ErrClosed
	}
	return endOf(err, "the attachment")
}

func (i *Instance) take(order *pb.Order) {
	i.mu.Lock()
	all := i.orders
	stopped := order.GetStreamStopped()
	if tell := i.options.Events.StreamStopped; tell != nil && stopped != nil {
		i.tells = append(i.tells, func() { tell(stopped) })
	}
	i.mu.Unlock()
	if ended := order.GetConnectionEnded(); ended != nil {
		i.connections.ended(ended)
	}
	if connection := order.GetConnection(); connection != nil {
		i.connections.note(connection)
	}
	if order.GetOrderId() != "" && all != nil {
		all.take(order)
	}
}

// Waits, and meanwhile renews the session, if there is one: a server may ask for a longer wait than the lease is.
func (i *Instance) rest(now *turn) error {
	i.mu.Lock()
	left, renew := i.delay, i.delay
	if i.session != nil {
		renew = i.session.TTL / leaseParts
	}
	i.mu.Unlock()
	for left > renew && renew > 0 {
		if err := sleep(now.ctx, renew); err != nil {
			return err
		}
		left -= renew
		// The next Attach finds out what time does not heal; until then this is one more failure of the same break.
		if _, err := i.KeepAlive(now.ctx); err != nil && i.meaning(errorOf(err)) != broke {
			return err
		}
	}
	return sleep(now.ctx, left)
}

func (i *Instance) sayGoodbye(now *turn) {
	ctx, cancel := context.WithTimeout(now.ctx, leaveTimeout)
	defer cancel()
	if _, err := call(ctx, i.caller, i.caller.server.sessions.TerminateSession, &pb.TerminateSessionRequest{}, false); err != nil {
		i.problem(err)
	}
}

// An order to end the session was answered.
func (i *Instance) terminated(reason string) {
	message := "terminated by an administrator"
	if reason != "" {
		message = "terminated: " + reason
	}
	i.happen(nil, over, &Error{Code: codes.Aborted, Message: message, Reason: "SESSION_TERMINATED"})
}

func (i *Instance) credentials(ctx context.Context) (metadata.MD, error) {
	session, err := i.await(ctx, func() bool { return true })
	if err != nil {
		return nil, err
	}
	return metadata.Pairs(sessionToken, session.token), nil
}

// Makes calls that the server refuses to a session without an attachment, as it answers with orders: each waits until orders reach
// the instance, also when it is made again.
func (i *Instance) asker() *caller {
	asker := *i.caller
	asker.credentials = func(ctx context.Context) (metadata.MD, error) {
		if _, err := i.Attached(ctx); err != nil {
			return nil, err
		}
		return i.credentials(ctx)
	}
	return &asker
}

// Looks at every error of a call with the session's token. True: the next call will have another token, or none.
func (i *Instance) refused(err *Error, md metadata.MD) bool {
	session := i.Session()
	if session == nil || len(md.Get(sessionToken)) == 0 || md.Get(sessionToken)[0] != session.token {
		return true
	}
	if err.Code != codes.Unauthenticated || !strings.HasPrefix(err.Reason, "SESSION_") {
		return false
	}
	happened := i.meaning(err)
	if happened == broke {
		return false
	}
	i.happen(nil, happened, err)
	return true
}

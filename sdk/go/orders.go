package switchyard

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"
	pb "switchyard.example/switchyard/v1"
)

const fallbackDescription = "the order could not be carried out"

// Handlers are what an instance does with its orders. An order may be given again after its answer was forgotten here, so
// carrying it out twice must be harmless. The context ends with the session.
type Handlers struct {
	// Establishes a direct connection: returns the answer's data, or nil, to accept; a *Refusal to refuse. Nil, as it mostly is:
	// the instance carries connections out itself, as Dial and Listen say.
	Connection func(context.Context, *pb.Connection) ([]byte, error)
	// The session is about to end: the last moment to tidy up. Answered with success whatever comes of it.
	Terminate func(ctx context.Context, reason string) error
}

// orders are those of one session: each is carried out once, and answered as often as it is given. Answers are remembered
// within the bounds of limits.go, the oldest forgotten first.
type orders struct {
	instance *Instance
	ctx      context.Context
	end      context.CancelFunc

	mu      sync.Mutex
	running map[string]bool
	answers map[string]*pb.AnswerRequest
	// The ids of the answers, the oldest first, and their bytes.
	order      []string
	totalBytes int
}

func newOrders(i *Instance) *orders {
	ctx, end := context.WithCancel(i.life)
	return &orders{
		instance: i, ctx: ctx, end: end,
		running: map[string]bool{}, answers: map[string]*pb.AnswerRequest{},
	}
}

// Takes an order, and returns at once.
func (o *orders) take(order *pb.Order) {
	o.mu.Lock()
	defer o.mu.Unlock()
	id := order.GetOrderId()
	if o.running[id] {
		return
	}
	if len(o.running) >= ordersAtOnce {
		// Not refused: the server gives it again after the next attachment, and perhaps there is room then.
		go o.instance.problem(fmt.Errorf("order %s is left: %d are carried out", id, ordersAtOnce))
		return
	}
	o.running[id] = true
	go func() {
		err := o.serve(order)
		o.mu.Lock()
		delete(o.running, id)
		o.mu.Unlock()
		if err != nil && o.ctx.Err() == nil {
			o.instance.problem(err)
		}
	}()
}

func (o *orders) serve(order *pb.Order) error {
	o.mu.Lock()
	answer := o.answers[order.GetOrderId()]
	o.mu.Unlock()
	if answer == nil {
		answer = o.carryOut(order)
		if o.ctx.Err() != nil {
			return nil
		}
		o.remember(answer)
	}
	ctx, cancel := context.WithTimeout(o.ctx, answerTimeout)
	defer cancel()
	i := o.instance
	_, err := call(ctx, i.caller, i.caller.server.sessions.Answer, answer, true)
	// The server no longer waits for it: answered before, or too late. That is as good as answered.
	if err != nil && ReasonOf(err) != "ORDER_NOT_FOUND" {
		return err
	}
	if end := order.GetTerminateSession(); end != nil {
		i.terminated(end.GetReason())
	}
	return nil
}

func (o *orders) carryOut(order *pb.Order) *pb.AnswerRequest {
	answer := &pb.AnswerRequest{OrderId: order.GetOrderId()}
	var err error
	switch kind := order.GetKind().(type) {
	case *pb.Order_Connection:
		answer.Data, err = o.connect(kind.Connection)
	case *pb.Order_TerminateSession:
		// A program that cannot tidy up has to end all the same.
		if err := o.tidyUp(kind.TerminateSession.GetReason()); err != nil {
			o.instance.problem(err)
		}
	default:
		err = &Refusal{"UNIMPLEMENTED", "this client does not know this order"}
	}
	if err == nil {
		return answer
	}
	answer.Data = nil
	var refusal *Refusal
	if errors.As(err, &refusal) {
		if code, ok := pb.Reason_value["REASON_"+refusal.Reason]; ok {
			answer.Code, answer.Description = pb.Reason(code), refusal.Description
			return answer
		}
	}
	if o.ctx.Err() == nil {
		o.instance.problem(err)
	}
	answer.Code, answer.Description = pb.Reason_REASON_INTERNAL, fallbackDescription
	return answer
}

func (o *orders) connect(connection *pb.Connection) ([]byte, error) {
	if handle := o.handlers().Connection; handle != nil {
		return handle(o.ctx, connection)
	}
	return o.instance.connections.order(o.ctx, connection)
}

func (o *orders) tidyUp(reason string) error {
	if handle := o.handlers().Terminate; handle != nil {
		return handle(o.ctx, reason)
	}
	return nil
}

func (o *orders) handlers() Handlers {
	o.instance.mu.Lock()
	defer o.instance.mu.Unlock()
	return o.instance.handlers
}

func (o *orders) remember(answer *pb.AnswerRequest) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answers[answer.GetOrderId()] = answer
	o.order = append(o.order, answer.GetOrderId())
	o.totalBytes += proto.Size(answer)
	for len(o.order) > answersRemembered || o.totalBytes > answersRememberedBytes {
		oldest := o.order[0]
		o.order = o.order[1:]
		o.totalBytes -= proto.Size(o.answers[oldest])
		delete(o.answers, oldest)
	}
}

// The Go client as a testee of conformance/: main HOST:PORT[,HOST:PORT] [NETWORK]
package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"switchyard.example/switchyard"
	pb "switchyard.example/switchyard/v1"
)

// The longest command: one that has texts of some MiB sent.
const lineBytesMax = 32 << 20

type fields = map[string]any

// What a command says; each reads what it needs.
type command struct {
	Seq     int               `json:"seq"`
	Do      string            `json:"do"`
	As      string            `json:"as"`
	UUID    string            `json:"uuid"`
	Type    int32             `json:"type"`
	Name    string            `json:"name"`
	Labels  map[string]string `json:"labels"`
	TTLMs   float64           `json:"ttlMs"`
	Reopen  *bool             `json:"reopen"`
	Key     string            `json:"key"`
	Refuse  *refusal          `json:"refuse"`
	Sinks   []int32           `json:"sinks"`
	Confirm bool              `json:"confirmed"`
	ID      int32             `json:"id"`
	Cvid    int32             `json:"cvid"`
	Stream  string            `json:"stream"`
	// Where an end stands, or what it writes.
	Blocks json.RawMessage `json:"blocks"`
	Count  *int            `json:"count"`
	Text   string          `json:"text"`
	Length int             `json:"length"`
	// Of `connect`: looks for a direct path, and goes nowhere without.
	Direct bool `json:"direct"`
	// Of `connect`: says which key endorses the peer's.
	Endorsed bool `json:"endorsed"`
	// Of `createStream`: the size of its name, and of its largest block.
	NameBytes     int   `json:"nameBytes"`
	MaxBlockBytes int32 `json:"maxBlockBytes"`
	// Of `writeLarge`: the size of its block. Of `read`: answers with sizes.
	Bytes int  `json:"bytes"`
	Sizes bool `json:"sizes"`
}

type refusal struct {
	Reason      string `json:"reason"`
	Description string `json:"description"`
}

// One case.
type testee struct {
	client *switchyard.Client
	// Standard output, a line at a time.
	out sync.Mutex

	mu        sync.Mutex
	instances map[string]*switchyard.Instance
	networks  map[string]*switchyard.Network
	sources   map[string]*switchyard.Source
	sinks     map[string]*switchyard.Sink
	peers     map[string]*switchyard.Conn
}

func main() {
	if len(os.Args) < 2 || len(os.Args) > 3 {
		log.Fatal("usage: main HOST:PORT[,HOST:PORT] [NETWORK]")
	}
	servers := strings.Split(os.Args[1], ",")
	options := switchyard.Options{Servers: servers[1:]}
	if len(os.Args) == 3 {
		options.Network = os.Args[2]
	}
	client, err := switchyard.New(servers[0], options)
	if err != nil {
		log.Fatal(err)
	}
	t := &testee{
		client: client, instances: map[string]*switchyard.Instance{}, networks: map[string]*switchyard.Network{},
		sources: map[string]*switchyard.Source{}, sinks: map[string]*switchyard.Sink{}, peers: map[string]*switchyard.Conn{},
	}
	t.say(fields{
		"testee": "go",
		"can":    []string{"join", "orders", "replica", "streams", "calls", "proof", "relayed", "direct", "network", "servers", "closed"},
		"cannot": fields{
			"moves": "sdk/go has direct paths, and looks for one when it connects; a connection that goes through the server stays there",
		},
	})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, lineBytesMax)
	for lines.Scan() {
		var of command
		if err := json.Unmarshal(lines.Bytes(), &of); err != nil {
			log.Fatal(err)
		}
		if of.Do == "join" {
			// What follows speaks of it.
			t.carryOut(of)
		} else {
			go t.carryOut(of)
		}
	}
	if err := client.Close(); err != nil {
		log.Fatal(err)
	}
}

func (t *testee) say(message fields) {
	line, err := json.Marshal(message)
	if err != nil {
		log.Fatal(err)
	}
	t.out.Lock()
	defer t.out.Unlock()
	fmt.Printf("%s\n", line)
}

func (t *testee) carryOut(of command) {
	run, ok := commands[of.Do]
	if !ok {
		t.say(fields{"seq": of.Seq, "error": errorFields(fmt.Errorf("there is no command %s", of.Do))})
		return
	}
	answer, err := run(t, of)
	if err != nil {
		t.say(fields{"seq": of.Seq, "error": errorFields(err)})
		return
	}
	if answer == nil {
		answer = fields{}
	}
	t.say(fields{"seq": of.Seq, "ok": answer})
}

var commands = map[string]func(*testee, command) (fields, error){
	"join": (*testee).join, "leave": (*testee).leave, "detach": (*testee).detach, "state": (*testee).state,
	"answerOrders": (*testee).answerOrders, "watch": (*testee).watch, "unwatch": (*testee).unwatch,
	"watchClosed": (*testee).watchClosed, "picture": (*testee).picture, "current": (*testee).current, "getNode": (*testee).getNode,
	"createStream": (*testee).createStream, "writeLarge": (*testee).writeLarge, "terminateStream": (*testee).terminateStream,
	"openSource": (*testee).openSource, "openSink": (*testee).openSink,
	"write": (*testee).write, "finish": (*testee).finish, "read": (*testee).read,
	"acceptPeers": (*testee).acceptPeers, "connect": (*testee).connect,
	"send": (*testee).send, "endWriting": (*testee).endWriting, "receive": (*testee).receive, "receiveEnd": (*testee).receiveEnd,
}

// The names of status codes, as the suite writes them.
var codeNames = map[codes.Code]string{
	codes.OK: "OK", codes.Canceled: "CANCELLED", codes.Unknown: "UNKNOWN", codes.InvalidArgument: "INVALID_ARGUMENT",
	codes.DeadlineExceeded: "DEADLINE_EXCEEDED", codes.NotFound: "NOT_FOUND", codes.AlreadyExists: "ALREADY_EXISTS",
	codes.PermissionDenied: "PERMISSION_DENIED", codes.ResourceExhausted: "RESOURCE_EXHAUSTED",
	codes.FailedPrecondition: "FAILED_PRECONDITION", codes.Aborted: "ABORTED", codes.OutOfRange: "OUT_OF_RANGE",
	codes.Unimplemented: "UNIMPLEMENTED", codes.Internal: "INTERNAL", codes.Unavailable: "UNAVAILABLE",
	codes.DataLoss: "DATA_LOSS", codes.Unauthenticated: "UNAUTHENTICATED",
}

func errorFields(err error) fields {
	var failure *switchyard.Error
	if !errors.As(err, &failure) {
		return fields{"code": "", "reason": "", "message": err.Error(), "fields": []string{}}
	}
	wrong := []string{}
	for _, violation := range failure.Violations {
		wrong = append(wrong, violation.Field)
	}
	return fields{"code": codeNames[failure.Code], "reason": failure.Reason, "message": failure.Message, "fields": wrong}
}

func endFields(err error) fields {
	if err == nil {
		return fields{"code": "OK", "reason": ""}
	}
	return errorFields(err)
}

func (t *testee) tell(event, as string, more fields) {
	message := fields{"event": event, "as": as}
	for name, value := range more {
		message[name] = value
	}
	t.say(message)
}

func find[Item any](t *testee, items map[string]Item, name string) (Item, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	item, ok := items[name]
	if !ok {
		return item, fmt.Errorf("there is no %s", name)
	}
	return item, nil
}

func put[Item any](t *testee, items map[string]Item, name string, item Item) {
	t.mu.Lock()
	defer t.mu.Unlock()
	items[name] = item
}

func (t *testee) join(of command) (fields, error) {
	options := switchyard.InstanceOptions{
		UUID: of.UUID, Type: pb.InstanceType(of.Type), Name: of.Name, Labels: of.Labels,
		TTL: time.Duration(of.TTLMs * float64(time.Millisecond)), NoReopen: of.Reopen != nil && !*of.Reopen,
		Handlers: t.handlers(of.As), Events: t.events(of.As),
	}
	if of.Key != "" {
		secret, err := hex.DecodeString(of.Key)
		if err != nil {
			return nil, err
		}
		if options.Key, err = switchyard.NewSigningKey(ed25519.NewKeyFromSeed(secret)); err != nil {
			return nil, err
		}
	}
	put(t, t.instances, of.As, t.client.Join(options))
	return nil, nil
}

func (t *testee) handlers(as string) switchyard.Handlers {
	return switchyard.Handlers{Terminate: func(_ context.Context, reason string) error {
		t.tell("terminate", as, fields{"reason": reason})
		return nil
	}}
}

// Tells that a subject's call broke, and after what wait it is made again.
func (t *testee) broken(as string) func(*switchyard.Error, time.Duration) {
	return func(err *switchyard.Error, delay time.Duration) {
		told := errorFields(err)
		told["delayMs"] = delay.Milliseconds()
		t.tell("broken", as, told)
	}
}

func (t *testee) events(as string) switchyard.Events {
	return switchyard.Events{
		Opened: func(session *switchyard.OwnSession) { t.tell("opened", as, fields{"cvid": session.Cvid}) },
		Attached: func(session *switchyard.OwnSession) {
			proved := session.Identity != nil
			t.tell("attached", as, fields{"cvid": session.Cvid, "ttlMs": session.TTL.Milliseconds(), "proved": proved})
		},
		Broken: t.broken(as),
		Lost:   func(err *switchyard.Error) { t.tell("lost", as, errorFields(err)) },
		StreamStopped: func(stopped *pb.StreamStopped) {
			t.tell("streamStopped", as, fields{"id": stopped.GetId()})
		},
		Problem: func(err error) { t.tell("problem", as, errorFields(err)) },
		Ended: func(err *switchyard.Error) {
			if err == nil {
				t.tell("ended", as, endFields(nil))
			} else {
				t.tell("ended", as, errorFields(err))
			}
		},
	}
}

func (t *testee) leave(of command) (fields, error) {
	instance, err := find(t, t.instances, of.As)
	if err != nil {
		return nil, err
	}
	return nil, instance.Leave(context.Background())
}

func (t *testee) detach(of command) (fields, error) {
	instance, err := find(t, t.instances, of.As)
	if err == nil {
		instance.Detach()
	}
	return nil, err
}

func (t *testee) state(of command) (fields, error) {
	instance, err := find(t, t.instances, of.As)
	if err != nil {
		return nil, err
	}
	return fields{"state": instance.State()}, nil
}

func (t *testee) answerOrders(of command) (fields, error) {
	instance, err := find(t, t.instances, of.As)
	if err != nil {
		return nil, err
	}
	handlers := t.handlers(of.As)
	handlers.Connection = func(_ context.Context, order *pb.Connection) ([]byte, error) {
		t.tell("connection", of.As, fields{"peer": order.GetPeerCvid(), "port": order.GetPort()})
		if of.Refuse != nil {
			return nil, &switchyard.Refusal{Reason: of.Refuse.Reason, Description: of.Refuse.Description}
		}
		return nil, nil
	}
	instance.SetHandlers(handlers)
	return nil, nil
}

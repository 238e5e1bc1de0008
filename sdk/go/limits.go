package switchyard

import "time"

// Every wait and bound of docs/client-lifecycle.md, under the names that it has there.
const (
	backoffFirst           = 200 * time.Millisecond
	backoffMax             = 15_000 * time.Millisecond
	steady                 = 10_000 * time.Millisecond
	attachmentSilence      = 30_000 * time.Millisecond
	watchSilence           = 60_000 * time.Millisecond
	callTimeout            = 10_000 * time.Millisecond
	leaveTimeout           = 5_000 * time.Millisecond
	answerTimeout          = 60_000 * time.Millisecond
	pingAfter              = 20_000 * time.Millisecond
	pingTimeout            = 10_000 * time.Millisecond
	ordersAtOnce           = 64
	answersRemembered      = 256
	answersRememberedBytes = 1 << 20
)

const (
	// gRPC looks for a lost server again at this rate, so that the waits above decide and not its own, which grow to 120 s.
	reconnectAfter = time.Second
	// Where several servers are known, how long a connection to one may take before the next is asked.
	connectWithin = 5 * time.Second
	// Addresses of servers that are known at once by what the servers tell, and as many that they told before.
	serversMax = 64
	// Bytes of an address that a server may name: a name of 253, and a port.
	serverBytesMax = 261
	// The largest message taken: a page of 1,000 sessions with all the labels that they may have is 5 MB.
	messageBytesMax = 16 << 20
)

package switchyard

import (
	"encoding/binary"
	"fmt"
	"io"
)

// What a frame of a connection is; its number is how it is written:
//
//	 0        1                 4
//	+--------+-----------------+-------+
//	| kind   | length (big-end)| bytes |
//	+--------+-----------------+-------+
type frameKind byte

const (
	// Bytes of the connection.
	frameData frameKind = 0
	// The sender's bytes go on on a direct path; its length is the attempt. Only on the relay.
	frameMoved frameKind = 1
	// A sign of life, of length 0. Only on a direct path.
	frameAlive frameKind = 2
	// The sender's bytes are complete; of length 0.
	frameEnd frameKind = 3
	// The sender's reader has taken so many bytes more as its length says, without bytes.
	frameTaken frameKind = 4
)

const (
	frameHeadBytes = 4
	// The most bytes that one frame carries.
	frameBytesMax = 1 << 20
	// Bytes of the frames that this end makes: a block of the relay, as TLS has its own head and tail.
	frameBytes = 60 << 10
)

func frameHead(kind frameKind, length int) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(kind)<<24|uint32(length))
}

// Reads a head, and refuses one that none has. `isRelayed`: whether the peer's bytes may go on elsewhere.
func readFrameHead(from io.Reader, isRelayed bool) (frameKind, int, error) {
	var head [frameHeadBytes]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return 0, 0, err
	}
	word := binary.BigEndian.Uint32(head[:])
	kind, length := frameKind(word>>24), int(word&0xffffff)
	isGood := false
	switch kind {
	case frameData:
		isGood = length <= frameBytesMax
	case frameMoved:
		isGood = isRelayed
	case frameAlive, frameEnd:
		isGood = length == 0
	case frameTaken:
		isGood = true
	}
	if !isGood {
		return 0, 0, fmt.Errorf("the peer sends a frame of kind %d with %d bytes, which none has", kind, length)
	}
	return kind, length, nil
}

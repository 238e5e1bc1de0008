package switchyard

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"
)

// STUN Binding (RFC 8489), as far as learning one's own address over TCP needs it.
const (
	stunRequest     = 0x0001
	stunSuccess     = 0x0101
	stunMagic       = 0x2112a442
	stunHeaderBytes = 20
	stunXorMapped   = 0x0020
	// What the rendezvous answers with is smaller than this.
	stunBytesMax = 1024
	// How long it may take.
	gatherTimeout = 3 * time.Second
)

var errStun = errors.New("the rendezvous answers with something else than STUN")

// Asks the rendezvous at the other end of a connection by which address it sees this end.
func observe(conn net.Conn) (netip.AddrPort, time.Duration, error) {
	request := make([]byte, stunHeaderBytes)
	binary.BigEndian.PutUint16(request, stunRequest)
	binary.BigEndian.PutUint32(request[4:], stunMagic)
	if _, err := rand.Read(request[8:]); err != nil {
		return netip.AddrPort{}, 0, err
	}
	before := time.Now()
	if err := conn.SetDeadline(before.Add(gatherTimeout)); err != nil {
		return netip.AddrPort{}, 0, err
	}
	if _, err := conn.Write(request); err != nil {
		return netip.AddrPort{}, 0, err
	}
	head := make([]byte, stunHeaderBytes)
	if _, err := io.ReadFull(conn, head); err != nil {
		return netip.AddrPort{}, 0, err
	}
	length := int(binary.BigEndian.Uint16(head[2:]))
	isAnswer := binary.BigEndian.Uint16(head) == stunSuccess && string(head[4:]) == string(request[4:])
	if !isAnswer || length > stunBytesMax {
		return netip.AddrPort{}, 0, errStun
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(conn, body); err != nil {
		return netip.AddrPort{}, 0, err
	}
	seen, err := mappedAddress(body, head[4:])
	return seen, time.Since(before), err
}

// The address in XOR-MAPPED-ADDRESS. `mask`: magic cookie and transaction id.
func mappedAddress(attributes, mask []byte) (netip.AddrPort, error) {
	for len(attributes) >= 4 {
		kind, length := binary.BigEndian.Uint16(attributes), int(binary.BigEndian.Uint16(attributes[2:]))
		padded := 4 + (length+3)/4*4
		if padded > len(attributes) {
			return netip.AddrPort{}, errStun
		}
		value := attributes[4 : 4+length]
		attributes = attributes[padded:]
		if kind != stunXorMapped || (length != 8 && length != 20) {
			continue
		}
		host := make([]byte, length-4)
		for at := range host {
			host[at] = value[4+at] ^ mask[at]
		}
		port := binary.BigEndian.Uint16(value[2:]) ^ binary.BigEndian.Uint16(mask)
		address, _ := netip.AddrFromSlice(host)
		return netip.AddrPortFrom(address.Unmap(), port), nil
	}
	return netip.AddrPort{}, errStun
}

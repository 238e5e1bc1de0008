package switchyard

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	pb "switchyard.example/switchyard/v1"
)

const (
	endorseMagic   = "switchyard-endorse-v1\x00"
	endorseVersion = 1
	// Version, UUID, expiry, and the length of the key that follows.
	endorseHead = 1 + uuidBytes + 8 + 2
	// How long an endorsement is good: half of what is taken, so that clocks may differ by some hours.
	endorsedFor = 12 * time.Hour
	// How far ahead the expiry of one may lie.
	endorsedForMax = 24 * time.Hour
)

// The only forms of keys that are taken, so that a key has one spelling and one id.
var (
	ed25519Head = mustHex("302a300506032b6570032100")
	p256Head    = mustHex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
)

// The y coordinates of the points of small order: whoever names one as a key needs no private key to sign by it.
var smallOrder = [][]byte{
	mustHex("0000000000000000000000000000000000000000000000000000000000000000"),
	mustHex("0100000000000000000000000000000000000000000000000000000000000000"),
	mustHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
	mustHex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
	mustHex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
}

// Endorsement is the word of an identity's key that the peer's key of a connection is the peer's. The server cannot make it, so
// who knows the id of the identity's key is not taken in by a server that lies about who a peer is.
type Endorsement struct {
	// The identity's key: SHA-256, 64 hexadecimal digits, as `switchyard key show` prints it.
	KeyID string
	// As the holder of the key says it.
	IdentityUUID string
	Expires      time.Time
}

// What an endorsement is about.
type endorsedContent struct {
	network      string
	identityUUID string
	// The key of a connection: a DER SubjectPublicKeyInfo.
	connectionKey []byte
	expiresMs     uint64
}

// The bytes that are signed: they stand with Connection.peer_endorsement in connection.proto.
func (e endorsedContent) signedBytes() ([]byte, error) {
	id, err := uuidOf(e.identityUUID)
	if err != nil {
		return nil, err
	}
	endorsed := sha256.Sum256(e.connectionKey)
	message := binary.BigEndian.AppendUint16([]byte(endorseMagic), uint16(len(e.network)))
	message = append(append(append(message, e.network...), id...), endorsed[:]...)
	return binary.BigEndian.AppendUint64(message, e.expiresMs), nil
}

func (e endorsedContent) endorse(key *SigningKey) ([]byte, error) {
	message, err := e.signedBytes()
	if err != nil {
		return nil, err
	}
	signature, err := key.sign(message)
	if err != nil {
		return nil, err
	}
	id, err := uuidOf(e.identityUUID)
	if err != nil {
		return nil, err
	}
	endorsement := binary.BigEndian.AppendUint64(append([]byte{endorseVersion}, id...), e.expiresMs)
	endorsement = binary.BigEndian.AppendUint16(endorsement, uint16(len(key.publicKey)))
	return append(append(endorsement, key.publicKey...), signature...), nil
}

// Endorses the key of this instance's connections by that of its identity; nil for an instance without a key.
func (c *connections) endorsement() ([]byte, error) {
	options := c.instance.options
	if options.Key == nil {
		return nil, nil
	}
	return endorsedContent{
		c.instance.caller.server.networkName, options.UUID, c.identity.publicKey,
		uint64(time.Now().Add(endorsedFor).UnixMilli()),
	}.endorse(options.Key)
}

// What endorses the peer's key of an order; why nothing does.
func (c *connections) peerEndorsement(order *pb.Connection) (Endorsement, error) {
	network := c.instance.caller.server.networkName
	return checkEndorsement(order.GetPeerEndorsement(), network, order.GetPeerPublicKey(), time.Now())
}

func checkEndorsement(endorsement []byte, network string, connectionKey []byte, now time.Time) (Endorsement, error) {
	if len(endorsement) == 0 {
		return Endorsement{}, errors.New("it brought no endorsement of its key")
	}
	if endorsement[0] != endorseVersion || len(endorsement) <= endorseHead {
		return Endorsement{}, errEndorsementForm
	}
	rest := endorsement[endorseHead:]
	keyLength := int(binary.BigEndian.Uint16(endorsement[endorseHead-2:]))
	if len(rest) <= keyLength {
		return Endorsement{}, errEndorsementForm
	}
	id := hex.EncodeToString(endorsement[1 : 1+uuidBytes])
	expiresMs := binary.BigEndian.Uint64(endorsement[1+uuidBytes:])
	uuid := strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
	message, err := endorsedContent{network, uuid, connectionKey, expiresMs}.signedBytes()
	if err != nil {
		return Endorsement{}, err
	}
	publicKey, signature := rest[:keyLength], rest[keyLength:]
	if err := verify(publicKey, message, signature); err != nil {
		return Endorsement{}, err
	}
	if err := checkExpiry(expiresMs, now); err != nil {
		return Endorsement{}, err
	}
	keyID := sha256.Sum256(publicKey)
	return Endorsement{hex.EncodeToString(keyID[:]), uuid, time.UnixMilli(int64(expiresMs))}, nil
}

var (
	errEndorsementForm = errors.New("its endorsement has a form that this version does not know")
	errEndorsementKey  = errors.New("its endorsement names no key of Ed25519 or P-256")
	errNotEndorsed     = errors.New("its endorsement is for another key or network, or was changed")
)

func verify(publicKey, message, signature []byte) error {
	if point, isEd25519 := cutHead(publicKey, ed25519Head, ed25519.PublicKeySize); isEd25519 {
		if !isOneSpelling(point) {
			return errEndorsementKey
		}
		if !ed25519.Verify(point, message, signature) {
			return errNotEndorsed
		}
		return nil
	}
	if _, isP256 := cutHead(publicKey, p256Head, 64); !isP256 {
		return errEndorsementKey
	}
	parsed, err := x509.ParsePKIXPublicKey(publicKey)
	key, isECDSA := parsed.(*ecdsa.PublicKey)
	if err != nil || !isECDSA || key.Curve != elliptic.P256() {
		return errEndorsementKey
	}
	digest := sha256.Sum256(message)
	if !ecdsa.VerifyASN1(key, digest[:], signature) {
		return errNotEndorsed
	}
	return nil
}

func cutHead(key, head []byte, rest int) ([]byte, bool) {
	return bytes.TrimPrefix(key, head), len(key) == len(head)+rest && bytes.HasPrefix(key, head)
}

// Whether y, little-endian and without the sign of x, is less than 2^255 - 19, and the point not of small order.
func isOneSpelling(point []byte) bool {
	y := append([]byte(nil), point...)
	y[31] &= 0x7f
	isReduced := y[0] < 0xed || y[31] != 0x7f || bytes.Count(y[1:31], []byte{0xff}) < 30
	for _, small := range smallOrder {
		if bytes.Equal(y, small) {
			return false
		}
	}
	return isReduced
}

func checkExpiry(expiresMs uint64, now time.Time) error {
	nowMs := uint64(now.UnixMilli())
	switch {
	case expiresMs <= nowMs:
		return fmt.Errorf("its endorsement has ended, %d ms ago: look at the clocks of both ends", nowMs-expiresMs)
	case expiresMs-nowMs > uint64(endorsedForMax.Milliseconds()):
		return fmt.Errorf("its endorsement is good for more than 24 hours, %d ms: look at the clocks of both ends", expiresMs-nowMs)
	default:
		return nil
	}
}

func mustHex(text string) []byte {
	bytes, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return bytes
}

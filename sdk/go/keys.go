package switchyard

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	pb "switchyard.example/switchyard/v1"
)

const (
	proofMagic    = "switchyard-proof-v1\x00"
	bindingBytes  = 32
	uuidBytes     = 16
	pemPrivateKey = "PRIVATE KEY"
)

// SigningKey is a private key of Ed25519 or P-256, by which an identity proves itself. It never leaves this object but as PEM.
type SigningKey struct {
	private   crypto.Signer
	publicKey []byte
}

// NewSigningKey takes a key of Ed25519 or P-256.
func NewSigningKey(private crypto.Signer) (*SigningKey, error) {
	switch key := private.(type) {
	case ed25519.PrivateKey:
	case *ecdsa.PrivateKey:
		if key.Curve != elliptic.P256() {
			return nil, errors.New("not a key to prove an identity by: of the curves only P-256 is")
		}
	default:
		return nil, errors.New("not a key to prove an identity by: only Ed25519 and P-256 are")
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return nil, err
	}
	return &SigningKey{private, public}, nil
}

// GenerateKey makes a new one, of Ed25519.
func GenerateKey() (*SigningKey, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return NewSigningKey(private)
}

// ParseKey reads PKCS #8 in PEM, without a passphrase.
func ParseKey(text []byte) (*SigningKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemPrivateKey {
		return nil, errors.New("not a private key in PEM (PKCS #8, without a passphrase)")
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("not a private key in PEM: %w", err)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, errors.New("not a key to prove an identity by: only Ed25519 and P-256 are")
	}
	return NewSigningKey(signer)
}

// EnsureKey reads a file, or makes a key and keeps it there for its owner alone (0600). It refuses a file that others can read.
func EnsureKey(path string) (*SigningKey, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return readKey(path)
	}
	if err != nil {
		return nil, err
	}
	key, err := keepNewKey(file)
	if err != nil {
		// A file without a key would be in the way of the next try.
		os.Remove(path)
		return nil, err
	}
	return key, nil
}

func keepNewKey(file *os.File) (*SigningKey, error) {
	defer file.Close()
	key, err := GenerateKey()
	if err != nil {
		return nil, err
	}
	text, err := key.PEM()
	if err != nil {
		return nil, err
	}
	if _, err := file.Write(text); err != nil {
		return nil, err
	}
	return key, file.Sync()
}

func readKey(path string) (*SigningKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return nil, fmt.Errorf("%s: others may read it (mode %o); chmod 600 it", path, mode)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// PEM answers with the private key, as PKCS #8.
func (k *SigningKey) PEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemPrivateKey, Bytes: der}), nil
}

// PublicKey answers with a DER SubjectPublicKeyInfo.
func (k *SigningKey) PublicKey() []byte { return append([]byte(nil), k.publicKey...) }

// Signs: Ed25519, or ECDSA with SHA-256.
func (k *SigningKey) sign(message []byte) ([]byte, error) {
	if _, ok := k.private.(ed25519.PrivateKey); ok {
		return k.private.Sign(rand.Reader, message, crypto.Hash(0))
	}
	digest := sha256.Sum256(message)
	return k.private.Sign(rand.Reader, digest[:], crypto.SHA256)
}

// What a proof signs: it stands with Proof in identity.proto.
type proofContent struct {
	purpose      pb.ProofPurpose
	serverUUID   string
	nonce        []byte
	network      string
	identityUUID string
	instanceUUID string
	publicKey    []byte
	bindingKind  byte
	binding      []byte
}

func (p proofContent) signedBytes() ([]byte, error) {
	var ids [3][]byte
	for at, text := range []string{p.serverUUID, p.identityUUID, p.instanceUUID} {
		id, err := uuidOf(text)
		if err != nil {
			return nil, err
		}
		ids[at] = id
	}
	keyID := sha256.Sum256(p.publicKey)
	binding := make([]byte, bindingBytes)
	copy(binding, p.binding)
	message := append([]byte(proofMagic), byte(p.purpose))
	message = append(append(message, ids[0]...), p.nonce...)
	message = append(binary.BigEndian.AppendUint16(message, uint16(len(p.network))), p.network...)
	message = append(append(message, ids[1]...), ids[2]...)
	message = append(append(message, keyID[:]...), p.bindingKind)
	return append(message, binding...), nil
}

func uuidOf(text string) ([]byte, error) {
	id, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(id) != uuidBytes {
		return nil, newError(codes.InvalidArgument, "%q is not a UUID of 36 characters", text)
	}
	return id, nil
}

// Makes a proof for one call, good for a minute, bound to the server's certificate where there is one. Nil: the server is of a
// release that knows no keys.
func prove(ctx context.Context, c *caller, key *SigningKey, purpose pb.ProofPurpose, uuid string) (*pb.Proof, error) {
	var shown peer.Peer
	ask := func(ctx context.Context, request *pb.ChallengeRequest, _ ...grpc.CallOption) (*pb.ChallengeResponse, error) {
		return c.server.identities.Challenge(ctx, request, grpc.Peer(&shown))
	}
	challenge, err := call(ctx, c, ask, &pb.ChallengeRequest{}, false)
	if err != nil {
		if errorOf(err).Code == codes.Unimplemented {
			return nil, nil
		}
		return nil, err
	}
	kind, binding := bindingOf(shown.AuthInfo)
	message, err := proofContent{
		purpose: purpose, serverUUID: challenge.GetServerUuid(), nonce: challenge.GetNonce(), network: c.server.networkName,
		identityUUID: uuid, instanceUUID: uuid, publicKey: key.publicKey, bindingKind: byte(kind), binding: binding,
	}.signedBytes()
	if err != nil {
		return nil, err
	}
	signature, err := key.sign(message)
	if err != nil {
		return nil, err
	}
	return &pb.Proof{
		Purpose: purpose, Nonce: challenge.GetNonce(), PublicKey: key.publicKey, Signature: signature,
		BindingKind: kind, Binding: binding, IdentityUuid: uuid,
	}, nil
}

// What a proof is bound to: the key in the certificate that the server has shown.
func bindingOf(info credentials.AuthInfo) (pb.BindingKind, []byte) {
	if shown, ok := info.(credentials.TLSInfo); ok && len(shown.State.PeerCertificates) > 0 {
		id := sha256.Sum256(shown.State.PeerCertificates[0].RawSubjectPublicKeyInfo)
		return pb.BindingKind_BINDING_KIND_TLS_LEAF, id[:]
	}
	return pb.BindingKind_BINDING_KIND_UNSPECIFIED, nil
}

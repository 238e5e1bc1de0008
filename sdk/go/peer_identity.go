package switchyard

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"time"
)

// peerIdentity is the key pair by which one end of a connection is known to the other. The public key travels through the
// server's orders; TLS then proves that whoever is at the other end holds its private half. TLS wants a certificate around the
// key, so there is one that says nothing else: nobody reads its names or its dates.
type peerIdentity struct {
	publicKey   []byte
	certificate tls.Certificate
}

func newPeerIdentity() (*peerIdentity, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "switchyard"},
		NotBefore:    time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
		// For ever, as RFC 5280 spells it.
		NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		return nil, err
	}
	publicKey, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	return &peerIdentity{publicKey, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}}, nil
}

// What it takes to prove a path.
type peerProof struct {
	identity *peerIdentity
	// The peer's public key as it came with the order: DER SubjectPublicKeyInfo.
	peerKey []byte
	// The controlling end is the TLS client, the other one the server. Both show their certificate.
	controlling bool
	// What is spoken inside.
	spoken string
}

// Encrypts a path with TLS 1.3 and proves that the peer is at its other end. Names, dates and issuers are not looked at: the one
// thing that counts is that the certificate holds the very key that came with the order. Closes the path when anything is
// otherwise.
func (p peerProof) secure(ctx context.Context, raw net.Conn) (*tls.Conn, error) {
	config := &tls.Config{
		Certificates:           []tls.Certificate{p.identity.certificate},
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{p.spoken},
		ClientAuth:             tls.RequireAnyClientCert,
		SessionTicketsDisabled: true,
		// The check below is the only one: a chain of certificates would prove nothing here.
		InsecureSkipVerify: true,
		VerifyConnection:   p.verify,
	}
	secured := tls.Server(raw, config)
	if p.controlling {
		secured = tls.Client(raw, config)
	}
	if err := secured.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, err
	}
	return secured, nil
}

func (p peerProof) verify(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the peer shows no key")
	}
	shown := state.PeerCertificates[0].RawSubjectPublicKeyInfo
	if len(p.peerKey) == 0 || !bytes.Equal(shown, p.peerKey) {
		return errors.New("the peer has another key than the one ordered")
	}
	if state.NegotiatedProtocol != p.spoken {
		return errors.New("the peer speaks something else")
	}
	return nil
}

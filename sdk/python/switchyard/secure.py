"""TLS between the ends of a connection, over whatever carries its bytes. Needs the packages `cryptography` and `pyOpenSSL`."""
from __future__ import annotations

import datetime
from typing import Any, Optional, Tuple

# What a TLS record holds, and room for what is around it.
_READ_BYTES = 1 << 16


class PeerIdentity:
    """
    The key pair by which one end of a connection is known to the other. TLS wants a certificate around the key, so there is one
    that says nothing else: nobody reads its names or its dates.
    """

    def __init__(self) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization as form
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        private = Ed25519PrivateKey.generate()
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "switchyard")])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
        builder = builder.serial_number(1).not_valid_before(datetime.datetime(1970, 1, 1))
        certificate = builder.not_valid_after(datetime.datetime(9999, 12, 31, 23, 59, 59)).sign(private, None)
        # DER SubjectPublicKeyInfo, as orders carry it.
        self.public_key: bytes = private.public_key().public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
        self._certificate = certificate.public_bytes(form.Encoding.PEM)
        self._key = private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())

    def context(self, spoken: bytes) -> Any:
        """A context of TLS 1.3 that shows this key, asks for the other end's, and speaks one protocol."""
        # Not the module `ssl`: it cannot ask a client for a certificate without an authority that signed it.
        from OpenSSL import SSL, crypto

        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(SSL.TLS1_3_VERSION)
        context.use_certificate(crypto.load_certificate(crypto.FILETYPE_PEM, self._certificate))
        context.use_privatekey(crypto.load_privatekey(crypto.FILETYPE_PEM, self._key))
        # The chain says nothing; `Channel` compares the key once TLS has proved that the peer holds it.
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_alpn_protos([spoken])
        context.set_alpn_select_callback(lambda _, offered: spoken if spoken in offered else SSL.NO_OVERLAPPING_PROTOCOLS)
        return context


class Channel:
    """One end of TLS without a socket: bytes of the peer go in, bytes for the peer come out."""

    def __init__(self, identity: PeerIdentity, *, spoken: str, is_client: bool, peer_public_key: bytes) -> None:
        from OpenSSL import SSL

        self._ssl = SSL
        self._spoken = spoken.encode("ascii")
        self._peer_public_key = peer_public_key
        self._connection = SSL.Connection(identity.context(self._spoken), None)
        if is_client:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()

    def shake_hands(self) -> bool:
        """Goes on with the handshake; true once it is done. Raises a ConnectionError when the peer is another."""
        try:
            self._connection.do_handshake()
        except self._ssl.WantReadError:
            return False
        except self._ssl.Error as error:
            raise ConnectionError(f"TLS with the peer failed: {_words_of(error)}") from None
        from cryptography.hazmat.primitives import serialization as form

        key = self._connection.get_peer_certificate().to_cryptography().public_key()
        shown = key.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
        if shown != self._peer_public_key:
            raise ConnectionError("the peer has another key than the one ordered")
        if self._connection.get_alpn_proto_negotiated() != self._spoken:
            raise ConnectionError("the peer speaks something else")
        return True

    def take(self, cipher: bytes) -> None:
        """Bytes that came from the peer."""
        if cipher:
            self._connection.bio_write(cipher)

    def outgoing(self) -> bytes:
        """Bytes that are to go to the peer now; none when there are none."""
        parts = []
        while True:
            try:
                parts.append(self._connection.bio_read(_READ_BYTES))
            except self._ssl.WantReadError:
                return b"".join(parts)

    def write(self, plain: bytes) -> None:
        """Encrypts: what comes of it is in `outgoing`."""
        for at in range(0, len(plain), _READ_BYTES):
            self._connection.sendall(plain[at : at + _READ_BYTES])

    def read(self) -> Tuple[bytes, bool]:
        """What has come, and whether the peer has closed TLS. Raises a ConnectionError when it is no TLS."""
        parts = []
        while True:
            try:
                parts.append(self._connection.recv(_READ_BYTES))
            except self._ssl.WantReadError:
                return b"".join(parts), False
            except self._ssl.ZeroReturnError:
                return b"".join(parts), True
            except self._ssl.Error as error:
                raise ConnectionError(f"TLS with the peer failed: {_words_of(error)}") from None

    def read_some(self, most: int) -> bytes:
        """So many bytes of what has come, or fewer; none when nothing has. Raises a ConnectionError at the end, and when it is no TLS."""
        try:
            return self._connection.recv(most)
        except self._ssl.WantReadError:
            return b""
        except self._ssl.ZeroReturnError:
            raise ConnectionError("the peer has closed TLS") from None
        except self._ssl.Error as error:
            raise ConnectionError(f"TLS with the peer failed: {_words_of(error)}") from None

    def close(self) -> None:
        """Says that TLS is over: what comes of it is in `outgoing`."""
        try:
            self._connection.shutdown()
        except self._ssl.Error:
            pass  # It is broken already, and how was said.


def _words_of(error: Exception) -> str:
    """The last cause that OpenSSL gives."""
    causes = error.args[0] if error.args else None
    last: Optional[Tuple[str, ...]] = causes[-1] if isinstance(causes, list) and causes else None
    return last[-1] if last else type(error).__name__

"""Keys by which an identity proves itself: the signed bytes stand with `Proof` in identity.proto. Needs the package `cryptography`."""
from __future__ import annotations

import hashlib
import os
import time
import uuid as uuid_module
from typing import TYPE_CHECKING, Optional

import grpc

from .errors import SwitchyardError
from .server import DEFAULT_NETWORK
from .v1 import identity_pb2

if TYPE_CHECKING:
    from .server import Caller

_MAGIC = b"switchyard-proof-v1\0"
_NO_BINDING = bytes(32)
_ENDORSE_MAGIC = b"switchyard-endorse-v1\0"
# Half of the 24 hours that are taken, so that none is refused because the clock here is some hours ahead.
_ENDORSED_MS = 12 * 3_600_000


class SigningKey:
    """A private key of Ed25519 or P-256. It never leaves this object but as `to_pem`."""

    def __init__(self, private: object) -> None:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519

        is_p256 = isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP256R1)
        if not is_p256 and not isinstance(private, ed25519.Ed25519PrivateKey):
            raise ValueError("not a key to prove an identity by: only Ed25519 and P-256 are")
        self._private = private
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        # A DER SubjectPublicKeyInfo.
        self.public_key: bytes = private.public_key().public_bytes(serialization.Encoding.DER, form)  # type: ignore[attr-defined]
        self.key_id = hashlib.sha256(self.public_key).digest()

    @classmethod
    def generate(cls) -> SigningKey:
        """Makes a new one, of Ed25519."""
        from cryptography.hazmat.primitives.asymmetric import ed25519

        return cls(ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def from_secret(cls, secret: bytes) -> SigningKey:
        """The one of Ed25519 that a secret of 32 bytes makes: for tests."""
        from cryptography.hazmat.primitives.asymmetric import ed25519

        return cls(ed25519.Ed25519PrivateKey.from_private_bytes(secret))

    @classmethod
    def from_pem(cls, pem: bytes) -> SigningKey:
        """Reads PEM without a passphrase."""
        from cryptography.hazmat.primitives import serialization

        try:
            return cls(serialization.load_pem_private_key(pem, None))
        except (TypeError, ValueError) as error:
            raise ValueError("not a private key in PEM, or one with a passphrase") from error

    @classmethod
    def ensure(cls, path: str) -> SigningKey:
        """Reads a file, or makes a key and keeps it there for its owner alone (0600). Refuses a file that others can read."""
        try:
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            with open(path, "rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                if os.name == "posix" and mode & 0o077:
                    raise PermissionError(f"{path}: others may read it (mode {mode & 0o777:o}); chmod 600 it") from None
                return cls.from_pem(file.read())
        key = cls.generate()
        with os.fdopen(made, "wb") as file:
            file.write(key.to_pem())
        return key

    def to_pem(self) -> bytes:
        """The private key, as PKCS #8."""
        from cryptography.hazmat.primitives import serialization as form

        return self._private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())  # type: ignore[attr-defined]

    def sign(self, message: bytes) -> bytes:
        """Signs: Ed25519, or ECDSA with SHA-256."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        if isinstance(self._private, ec.EllipticCurvePrivateKey):
            return self._private.sign(message, ec.ECDSA(hashes.SHA256()))
        return self._private.sign(message)  # type: ignore[attr-defined,no-any-return]


def signed_bytes(
    *,
    purpose: int,
    server_uuid: str,
    nonce: bytes,
    network: str,
    identity_uuid: str,
    instance_uuid: str,
    key_id: bytes,
    binding_kind: int = 0,
    binding: bytes = b"",
) -> bytes:
    """What a proof signs."""
    name = network.encode("ascii")
    return b"".join(
        (
            _MAGIC,
            bytes([purpose]),
            uuid_module.UUID(server_uuid).bytes,
            nonce,
            len(name).to_bytes(2, "big"),
            name,
            uuid_module.UUID(identity_uuid).bytes,
            uuid_module.UUID(instance_uuid).bytes,
            key_id,
            bytes([binding_kind]),
            binding or _NO_BINDING,
        )
    )


def endorse(
    key: SigningKey, connection_key: bytes, uuid: str, *, network: str, expires_at_ms: Optional[int] = None
) -> bytes:
    """Signs the key of this end's connections by that of its identity: the form stands with `peer_endorsement` in connection.proto."""
    name = network.encode("ascii")
    identity = uuid_module.UUID(uuid).bytes
    expiry_ms = int(time.time() * 1_000) + _ENDORSED_MS if expires_at_ms is None else expires_at_ms
    expiry = expiry_ms.to_bytes(8, "big")
    endorsed = hashlib.sha256(connection_key).digest()
    signature = key.sign(b"".join((_ENDORSE_MAGIC, len(name).to_bytes(2, "big"), name, identity, endorsed, expiry)))
    return b"".join((b"\x01", identity, expiry, len(key.public_key).to_bytes(2, "big"), key.public_key, signature))


async def prove(caller: Caller, key: SigningKey, purpose: int, uuid: str) -> Optional[identity_pb2.Proof]:
    """
    Makes a proof for one call, good for a minute. None: the server is of a release that knows no keys.

    It is not bound to the server's certificate, which gRPC does not show to programs in Python; a policy that takes only bound
    proofs refuses it.
    """
    try:
        challenge = await caller.call(caller.server.identities.Challenge, identity_pb2.ChallengeRequest())
    except SwitchyardError as error:
        if error.code is grpc.StatusCode.UNIMPLEMENTED:
            return None
        raise
    message = signed_bytes(
        purpose=purpose,
        server_uuid=challenge.server_uuid,
        nonce=challenge.nonce,
        network=caller.server.network_name,
        identity_uuid=uuid,
        instance_uuid=uuid,
        key_id=key.key_id,
    )
    return identity_pb2.Proof(
        purpose=purpose,
        nonce=challenge.nonce,
        public_key=key.public_key,
        signature=key.sign(message),
        identity_uuid=uuid,
    )

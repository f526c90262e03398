"""The files a client of the sandbox needs: the authority that signs its TLS certificate, and the key for JWT login.

Prevents a client from being tested with certificate checks off: the certificate is good, for 127.0.0.1 and localhost.
"""

import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAYS = 30


@dataclass(frozen=True)
class Keys:
    """What was written: the authority (PEM), the client's private key (PEM, mode 0600), and what the server uses."""

    ca_file: Path
    private_key: Path
    public_key: str
    tls: ssl.SSLContext


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, authority: bool
) -> x509.Certificate:
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if not authority:
        names = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(signer, hashes.SHA256())


@cache
def _material() -> tuple[bytes, bytes, bytes, bytes, str]:
    """Authority, server chain, server key, client key, client public key: made once a process, since it takes time."""
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = "crmsync sandbox authority"
    authority = _certificate(issuer, issuer, authority_key, authority_key, authority=True)
    server = _certificate("127.0.0.1", issuer, server_key, authority_key, authority=False)
    client_key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    public = client_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pem = serialization.Encoding.PEM
    return authority.public_bytes(pem), server.public_bytes(pem), _pem(server_key), _pem(client_key), public.decode()


def write(folder: Path) -> Keys:
    """Writes the files into a folder of their own and returns what they hold."""
    authority, server, server_key, client_key, public = _material()
    folder.mkdir(parents=True, exist_ok=True)
    ca_file, private = folder / "ca.pem", folder / "private_key.pem"
    chain, chain_key = folder / "server.pem", folder / "server_key.pem"
    ca_file.write_bytes(authority)
    chain.write_bytes(server)
    for path, secret in ((private, client_key), (chain_key, server_key)):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secret)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(chain, chain_key)
    chain_key.unlink()
    chain.unlink()
    return Keys(ca_file, private, public, tls)

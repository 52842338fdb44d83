"""A certificate authority for one test."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Authority:
    """Signs certificates that are good for an hour."""

    key: Ed25519PrivateKey
    certificate: x509.Certificate

    @classmethod
    def create(cls, name: str) -> Authority:
        """An authority with a new key."""
        key = Ed25519PrivateKey.generate()
        certificate = _certificate(name, key, issuer=name).add_extension(x509.BasicConstraints(True, 0), True)
        return cls(key, certificate.sign(key, None))

    def write(self, folder: Path, name: str) -> Path:
        """Writes `tls.crt` and `tls.key` for a DNS name, and `ca.crt`, as a Secret by cert-manager has them.

        Returns:
            The folder, which is made.
        """
        key = Ed25519PrivateKey.generate()
        issuer = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        named = x509.SubjectAlternativeName([x509.DNSName(name)])
        certificate = _certificate(name, key, issuer=str(issuer)).add_extension(named, False).sign(self.key, None)
        folder.mkdir()
        pem = serialization.Encoding.PEM
        (folder / "tls.crt").write_bytes(certificate.public_bytes(pem))
        (folder / "tls.key").write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        (folder / "ca.crt").write_bytes(self.certificate.public_bytes(pem))
        return folder


def _certificate(name: str, key: Ed25519PrivateKey, *, issuer: str) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

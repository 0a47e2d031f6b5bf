"""The seal of a backup file: an HMAC by the server's backup key, or encryption with a passphrase.

A sealed archive stays a .tar.gz: its HMAC is in an empty gzip member at its end. The backup key is
in the data folder and never in a backup, so whoever can write to the place of the backups can
change none unnoticed. An encrypted file is sealed by AES-GCM, piece by piece; its key comes from
the passphrase by scrypt.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Iterable, Iterator
from gettext import gettext as _
from pathlib import Path
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from server.maintenance.archive import BackupError

MEMBER_HEADER = (
    b"\x1f\x8b\x08\x04" + b"\x00" * 4 + b"\x00\xff" + struct.pack("<H", 36) + b"LB\x20\x00"
)
"""A gzip member with the field LB of 32 bytes, which readers of gzip ignore."""
MEMBER_END = b"\x03\x00" + b"\x00" * 8
SEAL_LENGTH = len(MEMBER_HEADER) + 32 + len(MEMBER_END)

MAGIC = b"LODGE-ENCRYPTED-BACKUP-1\n"
SALT_LENGTH, PIECE, TAG_LENGTH = 16, 1024 * 1024, 16
SCRYPT_COST = 2**15
"""About 0.1 s and 32 MB for each guess of a passphrase."""
MIN_PASSPHRASE_LENGTH = 12


def seal_file(file: Path, key: str) -> None:
    """Append the HMAC of a .tar.gz to it."""
    with file.open("r+b") as content:
        digest = _hmac(content, file.stat().st_size, key)
        content.seek(0, os.SEEK_END)
        content.write(_seal(digest))
        content.flush()
        os.fsync(content.fileno())


def is_sealed_by(file: Path, keys: Iterable[str]) -> bool:
    """Whether the file ends with its HMAC by one of the keys."""
    length = file.stat().st_size - SEAL_LENGTH
    if length < 0:
        return False
    with file.open("rb") as content:
        content.seek(length)
        seal = content.read()
        return any(hmac.compare_digest(seal, _seal(_hmac(content, length, key))) for key in keys)


def _seal(digest: bytes) -> bytes:
    return MEMBER_HEADER + digest + MEMBER_END


def _hmac(content: IO[bytes], length: int, key: str) -> bytes:
    mac = hmac.new(key.encode(), b"lodge-backup-1\n", hashlib.sha256)
    content.seek(0)
    while length > 0:
        piece = content.read(min(PIECE, length))
        mac.update(piece)
        length -= len(piece)
    return mac.digest()


def is_encrypted(file: Path) -> bool:
    with file.open("rb") as content:
        return content.read(len(MAGIC)) == MAGIC


def encrypt_file(source: Path, target: Path, passphrase: str) -> None:
    """Write the encrypted content of a file. Raises BackupError for a short passphrase."""
    if len(passphrase) < MIN_PASSPHRASE_LENGTH:
        message = _("The passphrase is too short. Use at least %(number)d characters.")
        raise BackupError(message % {"number": MIN_PASSPHRASE_LENGTH})
    header = MAGIC + os.urandom(SALT_LENGTH)
    cipher = _cipher(passphrase, header)
    with source.open("rb") as plain, _private(target) as out:
        out.write(header)
        for number, piece, is_last in _pieces(plain, PIECE):
            out.write(cipher.encrypt(_nonce(number, is_last), piece, header))
        out.flush()
        os.fsync(out.fileno())


def decrypt_file(source: Path, target: Path, passphrase: str) -> None:
    """Write the decrypted content of a file. Raises BackupError if the passphrase is wrong or one
    byte of the file was changed."""
    with source.open("rb") as sealed, _private(target) as out:
        header = sealed.read(len(MAGIC) + SALT_LENGTH)
        cipher = _cipher(passphrase, header)
        try:
            for number, piece, is_last in _pieces(sealed, PIECE + TAG_LENGTH):
                out.write(cipher.decrypt(_nonce(number, is_last), piece, header))
        except InvalidTag:
            message = _("The passphrase is wrong, or %(file)s was changed. Use another one.")
            raise BackupError(message % {"file": source}) from None


def _cipher(passphrase: str, header: bytes) -> AESGCM:
    salt = header[len(MAGIC) :]
    return AESGCM(Scrypt(salt, length=32, n=SCRYPT_COST, r=8, p=1).derive(passphrase.encode()))


def _nonce(number: int, is_last: bool) -> bytes:
    """The number of a piece, and whether it is the last, so that no piece can be moved or cut."""
    return number.to_bytes(11, "big") + bytes([is_last])


def _pieces(content: IO[bytes], size: int) -> Iterator[tuple[int, bytes, bool]]:
    number, piece = 0, content.read(size)
    while True:
        following = content.read(size)
        yield number, piece, not following
        if not following:
            return
        number, piece = number + 1, following


def _private(file: Path) -> IO[bytes]:
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")

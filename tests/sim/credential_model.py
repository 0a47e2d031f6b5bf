"""Keys and lineages of the simulation: who signed an op, and whose chain it stands in.

A key is a name that only its owner knows; a signature is that name with the digest of what was
signed. So whoever does not have the key cannot sign, as with real ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sync import KINDS
from sync.protocol.hash_chain import op_content


class KeyOwner(NamedTuple):
    """A person with a key on one phone."""

    device: str
    person: str
    key: str


def make_signature(key: str, op: Mapping[str, Any]) -> str:
    """What the owner of a key puts on an op; its place in a chain is not signed."""
    return f"{key}:{hashlib.sha256(op_content(op)).hexdigest()}"


class CredentialModel:
    """The part of the server that knows keys and owners of lineages."""

    request: Any

    def init_credentials(self) -> None:
        self.credentials: dict[KeyOwner, bool] = {}
        """Whether each key still proves something."""
        self.owners: dict[str, str] = {}
        """The phone of each lineage."""

    def register_key(self, device: str, person: str, key: str) -> None:
        """A right PIN was typed."""
        self.credentials[KeyOwner(device, person, key)] = True

    def revoke_keys(self, whose: Callable[[KeyOwner], bool]) -> None:
        """From now on these keys prove nothing."""
        for owner in self.credentials:
            if whose(owner):
                self.credentials[owner] = False

    def signature_of(self, raw: Mapping[str, Any]) -> str:
        """What the signature of an op says: none, wrong, revoked or proof."""
        owners = self.keys_of(self.request.device, raw["by"])
        if not raw.get("sig") or not owners:
            return "none"
        owner = next((each for each in owners if self.verifies(each.key, raw)), None)
        if owner is None:
            return "wrong"
        return "proof" if self.is_usable(owner) else "revoked"

    def keys_of(self, device: str, person: str) -> list[KeyOwner]:
        """The keys that can have signed what a person did on a phone."""
        return [own for own in self.credentials if (own.device, own.person) == (device, person)]

    def verifies(self, key: str, raw: Mapping[str, Any]) -> bool:
        """Whether a key made the signature of an op, and of this very op."""
        return bool(raw["sig"] == make_signature(key, raw))

    def is_usable(self, owner: KeyOwner) -> bool:
        """Whether a key was not revoked."""
        return self.credentials[owner]

    def lacks_proof(self, raw: Mapping[str, Any], signature: str) -> bool:
        """Whether an op of a phone needs a proof of its author, and has none."""
        from_phone = self.request.endpoint == "push"
        return from_phone and KINDS[raw["kind"]].needs_proof and signature != "proof"

    def is_foreign(self, request: Any) -> bool:
        """Whether the chain is that of another phone."""
        return self.owners.get(request.lineage, request.device) != request.device

"""A registered customer of one store on its way to us."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from xtnd.canonical.orders import Address


@dataclass(frozen=True, slots=True)
class Customer:
    external_id: str
    email: str
    """As the store has it; `normalised_email` is what we match by."""
    first_name: str
    last_name: str
    billing: Address
    shipping: Address
    org_number: str = ""
    vat_number: str = ""
    created_at: datetime | None = None
    modified_at: datetime | None = None
    admin_url: str = ""


def normalised_email(email: str) -> str:
    """Trimmed and lower-cased. Nothing cleverer: `a.b@` and `ab@` may be two people."""
    return email.strip().lower()

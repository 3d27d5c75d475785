"""One call to the store's REST API, its answer, and the refusals, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from xtnd.ops.demo.pricing import Doc
from xtnd.ops.demo.query import Params
from xtnd.ops.demo.shapes import Site, encode
from xtnd.ops.demo.store import Key


@dataclass(frozen=True)
class Call:
    """`path` is the REST route ("/wc/v3/orders"); `body` is the decoded JSON or form, None if it was not JSON."""

    method: str
    path: str
    params: Params
    site: Site
    body: Mapping[str, Any] | None = None
    key: Key | None = None


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class RestError(Exception):
    """A refusal in WordPress' shape. `details` join `data`; refunds put a bare number there instead (`bare`)."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        *,
        bare: bool = False,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.data: object = status if bare else {"status": status, **(details or {})}

    def json(self) -> Doc:
        return {"code": self.code, "message": self.message, "data": self.data}

    def answer(self) -> Answer:
        return Answer(self.status, encode(self.json()))


def no_route() -> RestError:
    return RestError(404, "rest_no_route", "No route was found matching the URL and request method.")


def invalid_id(kind: str, status: int) -> RestError:
    """A missing id: 404 when read or deleted, 400 when written."""
    name = {"order": "shop_order", "refund": "order_refund", "variation": "product_variation"}.get(kind, kind)
    code = "woocommerce_rest_invalid_id" if kind in ("customer", "note") else f"woocommerce_rest_{name}_invalid_id"
    words = {"customer": "Invalid resource ID.", "note": "Invalid resource ID."}
    return RestError(status, code, words.get(kind, "Invalid ID."))


class Complaints:
    """Collects every invalid parameter of a call, as WordPress reports them together."""

    def __init__(self) -> None:
        self._details: dict[str, Doc] = {}

    def add(self, name: str, code: str, message: str, data: object = None) -> None:
        self._details.setdefault(name, {"code": code, "message": message, "data": data})

    def wrong_type(self, name: str, wanted: str, shown: str | None = None) -> None:
        shown = shown or name
        self.add(name, "rest_invalid_type", f"{shown} is not of type {wanted}.", {"param": shown})

    def not_in_enum(self, name: str, choices: tuple[str, ...], shown: str | None = None) -> None:
        listed = f"{', '.join(choices[:-1])}{',' if len(choices) > 2 else ''} and {choices[-1]}"
        self.add(name, "rest_not_in_enum", f"{shown or name} is not one of {listed}.")

    def settle(self) -> None:
        """Raise the 400, if anything was wrong."""
        if self._details:
            params = {name: one["message"] for name, one in self._details.items()}
            message = f"Invalid parameter(s): {', '.join(params)}"
            raise RestError(400, "rest_invalid_param", message, {"params": params, "details": self._details})

"""The REST routes: which there are, who may use them, and how lists and single resources are answered."""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from xtnd.ops.demo import listing, settings, shapes
from xtnd.ops.demo.calls import Answer, Call, RestError, invalid_id, no_route
from xtnd.ops.demo.listing import Collection, Wanted
from xtnd.ops.demo.pricing import Doc
from xtnd.ops.demo.query import Params, build_query, list_of, text_of
from xtnd.ops.demo.shapes import encode
from xtnd.ops.demo.store import Store
from xtnd.ops.demo.writes import BATCH_LIMIT, Ids, Orders, Products, Write, forced, rows_of

REFUSALS = {
    "list": ("view", "Sorry, you cannot list resources."),
    "view": ("view", "Sorry, you cannot view this resource."),
    "create": ("create", "Sorry, you are not allowed to create resources."),
    "edit": ("edit", "Sorry, you are not allowed to edit this resource."),
    "delete": ("delete", "Sorry, you are not allowed to delete this resource."),
    "batch": ("batch", "Sorry, you are not allowed to batch manipulate this resource."),
}
REMEMBERED_LISTS = 16
COLLECTION, ITEM = "GET, POST", "GET, POST, PUT, PATCH, DELETE"
ANNOUNCED = {
    "/taxes": COLLECTION,
    "/taxes/classes": COLLECTION,
    "/shipping/zones": COLLECTION,
    r"/shipping/zones/(?P<zone>\d+)/methods": COLLECTION,
    r"/settings/(?:general|tax)/\w+": "GET, POST, PUT, PATCH",
}

Handler = Callable[[Call, Ids], Answer]


@dataclass(frozen=True)
class Route:
    """`actions`: HTTP method -> (right needed, handler); the right "public" needs no key.

    `announced`: what a real store's `Allow` says where it can do more than this one.
    """

    pattern: re.Pattern[str]
    shown: str
    actions: Mapping[str, tuple[str, Handler]]
    collection: Collection | None = None
    announced: str = ""

    @property
    def allow(self) -> str:
        return self.announced or ", ".join(self.actions)


class Rest:
    """Answers calls on one store. Calls run one at a time, under the store's lock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._orders, self._products = Orders(store), Products(store)
        self._rendered: dict[tuple[str, int, shapes.Site], tuple[int, bytes]] = {}
        self._lists: OrderedDict[object, list[Doc]] = OrderedDict()
        self._routes = [*self._main_routes(), *self._fact_routes()]

    # -- dispatch --------------------------------------------------------------------------------------------------

    def answer(self, call: Call, *, inactive: bool = False) -> Answer:
        """`inactive`: WooCommerce is switched off and only WordPress answers."""
        with self._store.lock:
            try:
                return self._dispatch(call, inactive)
            except RestError as refusal:
                return refusal.answer()

    def _dispatch(self, call: Call, inactive: bool) -> Answer:
        if call.path == "/":
            return self._index(call, inactive)
        if call.key and call.method != "OPTIONS":
            _check_permissions(call)
        route, ids = self._find(call.path) if not inactive else (None, {})
        if call.method == "OPTIONS":
            return Answer(200, encode([] if route is None else self._options(call, route)), _allow(route))
        action = route.actions.get("GET" if call.method == "HEAD" else call.method) if route else None
        if route is None or action is None:
            raise no_route()
        return self._act(call, route, action, ids)

    def _act(self, call: Call, route: Route, action: tuple[str, Handler], ids: Ids) -> Answer:
        right, handler = action
        if call.body is None:
            details = {"json_error_code": 4, "json_error_message": "Syntax error"}
            answer = RestError(400, "rest_invalid_json", "Invalid JSON body passed.", details).answer()
        else:
            try:
                if route.collection and right == "list":
                    listing.checked(route.collection, call.params, self._store)
                refusal = _refusal(call, right)
                if refusal:
                    return refusal.answer()
                answer = handler(call, ids)
            except RestError as refused:
                answer = refused.answer()
        answer.headers["Allow"] = route.allow
        return answer

    def _find(self, path: str) -> tuple[Route | None, Ids]:
        for route in self._routes:
            if match := route.pattern.fullmatch(path):
                return route, {name: int(value) for name, value in match.groupdict().items() if value}
        return None, {}

    def _options(self, call: Call, route: Route) -> Doc:
        args = self._args(route.collection) if route.collection else {}
        endpoints = [{"methods": [one], "args": args if one == "GET" else {}} for one in route.actions]
        links = {"self": [{"href": call.site.rest(call.path)}]}
        return {"namespace": "wc/v3", "methods": list(route.actions), "endpoints": endpoints, "_links": links}

    def _args(self, collection: Collection) -> Doc:
        """The list's parameters: how a caller can tell an old store without trusting its version."""
        modern = self._store.modern
        orderby = collection.orderby if modern else collection.old_orderby
        args: Doc = {
            "page": {"type": "integer", "default": 1, "minimum": 1, "required": False},
            "per_page": {"type": "integer", "default": 10, "minimum": 1, "maximum": 100, "required": False},
            "search": {"type": "string", "required": False},
            "order": {
                "type": "string", "default": collection.default_order, "enum": ["asc", "desc"], "required": False,
            },
            "orderby": {
                "type": "string", "default": collection.default_orderby, "enum": list(orderby), "required": False,
            },
        }  # fmt: skip
        dates = ["after", "before"] + (["modified_after", "modified_before"] if modern else [])
        for name in dates if collection.dated else ():
            args[name] = {"type": "string", "format": "date-time", "required": False}
        if collection.dated and modern:
            args["dates_are_gmt"] = {"type": "boolean", "default": False, "required": False}
        for name in ("include", "exclude"):
            args[name] = {"type": "array", "items": {"type": "integer"}, "default": [], "required": False}
        return args

    # -- the table -------------------------------------------------------------------------------------------------

    def _main_routes(self) -> list[Route]:
        orders, products = self._orders, self._products
        item, one = r"(?P<id>\d+)", self._single
        routes = [
            self._collection(
                "/orders", listing.ORDERS, orders.create, orders.update, orders.delete, self._store.orders
            ),
            self._collection(
                "/products", listing.PRODUCTS, products.create, products.update, products.delete, self._store.products
            ),
            self._collection(
                r"/products/(?P<product_id>\d+)/variations", listing.VARIATIONS, products.create_variation,
                products.update_variation, products.delete_variation, self._store.variations,
            ),
            [
                _route("/customers", {"GET": ("list", self._list(listing.CUSTOMERS))}, listing.CUSTOMERS, COLLECTION),
                _route(f"/customers/{item}", {"GET": ("view", one("customer", self._store.customers))}, None, ITEM),
            ],
            self._note_routes(),
            self._refund_routes(),
            [_route("/webhooks/batch", _batch_actions(lambda call, ids: _json([])))],
            [_route("/webhooks", {"GET": ("list", lambda call, ids: _json([], _totals(0, 10)))}, None, COLLECTION)],
        ]  # fmt: skip
        return [route for group in routes for route in group]

    def _collection(
        self, path: str, collection: Collection, create: Write, update: Write,
        delete: Callable[[int, bool], None], docs: Mapping[int, Doc],
    ) -> list[Route]:  # fmt: skip
        kind = collection.kind

        def batch(call: Call, ids: Ids) -> Answer:
            return self._batch(call, ids, kind, create, update, delete)

        edit = self._writing(update, 200)
        item = {
            "GET": ("view", self._single(kind, docs)),
            **dict.fromkeys(("POST", "PUT", "PATCH"), ("edit", edit)),
            "DELETE": ("delete", self._deleting(kind, docs, delete)),
        }
        whole = {"GET": ("list", self._list(collection)), "POST": ("create", self._writing(create, 201))}
        return [
            _route(f"{path}/batch", _batch_actions(batch)),
            _route(path, whole, collection),
            _route(rf"{path}/(?P<id>\d+)", item),
        ]

    def _note_routes(self) -> list[Route]:
        path = r"/orders/(?P<order_id>\d+)/notes"
        create = self._writing(self._orders.add_note, 201)

        def delete(number: int, force: bool) -> None:
            self._store.delete_note(number)

        one = {
            "GET": ("view", self._single("note", self._store.notes)),
            "DELETE": ("delete", self._deleting("note", self._store.notes, delete)),
        }
        return [
            _route(path, {"GET": ("list", self._notes), "POST": ("create", create)}),
            _route(rf"{path}/(?P<id>\d+)", one),
        ]

    def _refund_routes(self) -> list[Route]:
        path = r"/orders/(?P<order_id>\d+)/refunds"
        whole = {
            "GET": ("list", self._list(listing.REFUNDS)),
            "POST": ("create", self._writing(self._orders.refund, 201)),
        }
        one = {
            "GET": ("view", self._single("refund", self._store.refunds)),
            "DELETE": ("delete", self._deleting("refund", self._store.refunds, self._orders.delete_refund)),
        }
        found = [_route(path, whole, listing.REFUNDS), _route(rf"{path}/(?P<id>\d+)", one)]
        if self._store.modern:
            found.append(_route("/refunds", {"GET": ("list", self._list(listing.REFUNDS))}, listing.REFUNDS))
        return found

    def _fact_routes(self) -> list[Route]:
        store = self._store
        counted: dict[str, Callable[[Call, Ids], list[Doc]]] = {
            "/taxes": lambda call, ids: settings.taxes(call.site),
            "/taxes/classes": lambda call, ids: settings.tax_classes(call.site),
            "/payment_gateways": lambda call, ids: settings.payment_gateways(call.site),
            "/shipping_methods": lambda call, ids: settings.shipping_methods(call.site),
            "/shipping/zones": lambda call, ids: settings.shipping_zones(call.site),
            r"/shipping/zones/(?P<zone>\d+)/methods": lambda call, ids: settings.zone_methods(call.site, ids["zone"]),
        }
        plain: dict[str, Callable[[Call, Ids], object]] = {
            "/settings/general": lambda call, ids: settings.settings(store, call.site, "general"),
            "/settings/tax": lambda call, ids: settings.settings(store, call.site, "tax"),
            r"/settings/(?:general|tax)/\w+": self._setting,
            "/system_status": lambda call, ids: settings.system_status(store, call.site),
            "/reports/orders/totals": lambda call, ids: settings.order_totals(store),
            "/data/currencies/current": lambda call, ids: settings.current_currency(store, call.site),
        }
        routes = [
            _route(path, {"GET": ("list", self._facts(made, True))}, None, ANNOUNCED.get(path, ""))
            for path, made in counted.items()
        ]
        routes += [
            _route(path, {"GET": ("view", self._facts(made, False))}, None, ANNOUNCED.get(path, ""))
            for path, made in plain.items()
        ]
        return [*routes, _route("", {"GET": ("public", self._namespace)})]

    # -- reading ---------------------------------------------------------------------------------------------------

    def _index(self, call: Call, inactive: bool) -> Answer:
        shown = settings.index(self._store, call.site, self._paths(), inactive=inactive)
        return _json(pick(shown, list_of(call.params, "_fields")), {"Allow": "GET"})

    def _namespace(self, call: Call, ids: Ids) -> Answer:
        shown = settings.namespace(call.site, "wc/v3", self._paths())
        fields = list_of(call.params, "_fields")
        return _json(pick(shown, [*fields, "_links"] if fields else []))

    def _paths(self) -> list[str]:
        return ["/", *(f"/wc/v3{route.shown}" for route in self._routes)]

    def _facts(self, made: Callable[[Call, Ids], object], counted: bool) -> Handler:
        def read(call: Call, ids: Ids) -> Answer:
            shown = made(call, ids)
            fields = list_of(call.params, "_fields")
            total = _totals(len(shown), 10) if counted and isinstance(shown, list) else {}
            if counted:
                total["X-WP-TotalPages"] = "1"
            return _json(
                [pick(one, fields) for one in shown] if isinstance(shown, list) else pick(shown, fields),
                total,
            )

        return read

    def _setting(self, call: Call, ids: Ids) -> object:
        group, name = call.path.split("/")[-2:]
        for one in settings.settings(self._store, call.site, group):
            if one["id"] == name:
                return {**one, "group_id": group}
        raise RestError(404, "rest_setting_setting_invalid", "Invalid setting.")

    def _json_of(self, kind: str, doc: Doc, call: Call) -> bytes:
        """The resource's JSON, kept until the resource changes."""
        key = (kind, doc["id"], call.site)
        version = self._store.version(kind, doc["id"])
        kept = self._rendered.get(key)
        if kept is None or kept[0] != version:
            kept = version, encode(shapes.rendered(kind, doc, call.site, self._store.modern))
            self._rendered[key] = kept
        return kept[1]

    def _shown(self, kind: str, doc: Doc, call: Call, *, listed: bool, edit: bool = False) -> bytes:
        fields = list_of(call.params, "_fields")
        places = text_of(call.params, "dp")
        as_product = kind == "product" and doc["id"] in self._store.variations
        without_parent = kind == "refund" and "/orders/" in call.path
        special = as_product or without_parent or edit or (places not in ("", "2") and kind in ("order", "refund"))
        if not fields and not special:
            return self._json_of(kind, doc, call)
        if as_product:
            doc = shapes.variation_as_product(doc, self._store.products[doc["parent_id"]])
        if places.isdigit() and kind in ("order", "refund"):
            doc = shapes.with_decimals(doc, int(places))
        whole = shapes.rendered(kind, doc, call.site, self._store.modern, edit=edit)
        if without_parent:
            del whole["parent_id"]
        wanted = fields if listed or not fields else [*fields, "_links"]
        return encode(pick(whole, wanted))

    def _single(self, kind: str, docs: Mapping[int, Doc]) -> Handler:
        def read(call: Call, ids: Ids) -> Answer:
            doc = docs.get(ids["id"])
            if doc is None and kind == "product":
                doc = self._store.variations.get(ids["id"])
            if doc is None or not _belongs(doc, ids):
                raise invalid_id(kind, 404)
            return Answer(200, self._shown(kind, doc, call, listed=False))

        return read

    def _list(self, collection: Collection) -> Handler:
        def read(call: Call, ids: Ids) -> Answer:
            wanted = listing.checked(collection, call.params, self._store)
            if collection.kind == "variation" and ids["product_id"] not in self._store.products:
                raise RestError(404, "woocommerce_rest_product_invalid_id", "Invalid product ID.")
            if collection.kind == "refund" and ids and ids["order_id"] not in self._store.orders:
                raise RestError(404, "woocommerce_rest_invalid_order_id", "Invalid order ID.")
            found = self._sorted(collection, wanted, call, ids)
            page = found[wanted.offset : wanted.offset + wanted.per_page]
            body = b"[" + b",".join(self._shown(collection.kind, doc, call, listed=True) for doc in page) + b"]"
            return Answer(200, body, self._page_headers(collection, wanted, call, len(found), len(page)))

        return read

    def _sorted(self, collection: Collection, wanted: Wanted, call: Call, ids: Ids) -> list[Doc]:
        """The whole list, remembered while nothing changes so that paging through it stays cheap."""
        ignored = ("page", "per_page", "_fields", "dp")
        asked = {name: value for name, value in call.params.items() if name not in ignored and "oauth" not in name}
        first = wanted.offset == 0
        key = (
            collection.kind,
            tuple(ids.items()),
            str(asked),
            first,
            self._store.revision,
            self._store.unstable_ties,
        )
        if key not in self._lists:
            docs = listing.matching(collection, wanted, call.params, self._candidates(collection.kind, call, ids))
            self._lists[key] = listing.in_order(collection.kind, wanted, docs, self._store.unstable_ties)
            if len(self._lists) > REMEMBERED_LISTS:
                self._lists.popitem(last=False)
        return self._lists[key]

    def _candidates(self, kind: str, call: Call, ids: Ids) -> list[Doc]:
        store = self._store
        if kind == "order" and store.modern and call.path.startswith("/wc/v1/"):
            return []  # v1 reads the posts table, where HPOS keeps no orders
        if kind == "variation":
            return [store.variations[number] for number in store.products[ids["product_id"]]["variations"]]
        docs = [doc for doc in store.kinds[kind].values() if _belongs(doc, ids)]
        if kind == "product" and list_of(call.params, "sku"):
            # a variation without its own SKU shows its parent's, but is not found by it
            owned = (one for one in store.variations.values() if one["sku"] != store.products[one["parent_id"]]["sku"])
            docs += owned
        return docs

    def _page_headers(
        self, collection: Collection, wanted: Wanted, call: Call, total: int, shown: int
    ) -> dict[str, str]:
        past_end = shown == 0 and wanted.offset > 0
        if past_end and collection.kind == "order" and self._store.modern:
            total = 0  # HPOS forgets how many there are
        headers = _totals(total, wanted.per_page)
        pages = int(headers["X-WP-TotalPages"])
        steps = [(min(wanted.page - 1, pages), "prev")] if wanted.page > 1 else []
        steps += [(wanted.page + 1, "next")] if wanted.page < pages else []
        base = call.site.rest(call.path)
        joint = "&" if "?" in base else "?"
        query = _echo(collection, call.params)
        links = [f'<{base}{joint}{build_query(query | {"page": str(page)})}>; rel="{rel}"' for page, rel in steps]
        if links:
            headers["Link"] = ", ".join(links)
        return headers

    def _notes(self, call: Call, ids: Ids) -> Answer:
        if ids["order_id"] not in self._store.orders:
            raise RestError(404, "woocommerce_rest_order_invalid_id", "Invalid order ID.")
        kind = text_of(call.params, "type") or "any"
        found = [
            note
            for note in reversed(self._store.notes.values())
            if note["order_id"] == ids["order_id"]
            and kind in ("any", "customer" if note["customer_note"] else "internal")
        ]
        body = b"[" + b",".join(self._shown("note", note, call, listed=True) for note in found) + b"]"
        return Answer(200, body)

    # -- writing ---------------------------------------------------------------------------------------------------

    def _writing(self, write: Write, status: int) -> Handler:
        def run(call: Call, ids: Ids) -> Answer:
            with self._store.changing():
                kind, number = write(call.body or {}, ids)
            doc = self._store.kinds[kind][number]
            answer = Answer(status, self._shown(kind, doc, call, listed=False, edit=True))
            if status == 201:
                answer.headers["Location"] = self._location(kind, doc, call)
            return answer

        return run

    def _location(self, kind: str, doc: Doc, call: Call) -> str:
        if kind == "refund":  # the route's own pattern, as really sent
            return call.site.rest(rf"/wc/v3/orders/(?P<order_id>[\d]+)/refunds/{doc['id']}")
        return call.site.rest(shapes.path_of(kind, doc))

    def _deleting(self, kind: str, docs: Mapping[int, Doc], delete: Callable[[int, bool], None]) -> Handler:
        def run(call: Call, ids: Ids) -> Answer:
            doc = docs.get(ids["id"])
            if doc is None or not _belongs(doc, ids):
                raise invalid_id(kind, 404)
            before = self._shown(kind, doc, call, listed=False, edit=True)  # the answer shows the state before
            delete(ids["id"], forced(call))
            return Answer(200, before)

        return run

    def _batch(
        self,
        call: Call,
        ids: Ids,
        kind: str,
        create: Write,
        update: Write,
        delete: Callable[[int, bool], None],
    ) -> Answer:
        """Failures are rows, never the status; nothing to do is answered with an empty *list*, as PHP does."""
        groups = {name: rows_of((call.body or {}).get(name)) for name in ("create", "update", "delete")}
        if sum(len(rows) for rows in groups.values()) > BATCH_LIMIT:
            message = f"Unable to accept more than {BATCH_LIMIT} items for this request."
            raise RestError(413, "woocommerce_rest_request_entity_too_large", message)
        docs = self._store.kinds[kind]

        def shown(number: int) -> Doc:
            return shapes.rendered(kind, docs[number], call.site, self._store.modern, edit=True)

        def change(name: str, row: Any) -> Doc:
            if name == "delete":
                before = shown(int(row)) if int(row) in docs else {}
                delete(int(row), True)
                return before
            number = int(row.get("id") or 0)
            return shown((create if name == "create" else update)(row, {**ids, "id": number})[1])

        done = {name: [_row(change, name, row) for row in rows] for name, rows in groups.items() if rows}
        return _json(done or [])


# -- small parts ---------------------------------------------------------------------------------------------------


def _route(
    path: str, actions: Mapping[str, tuple[str, Handler]], collection: Collection | None = None, announced: str = ""
) -> Route:
    shown = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"(?P<\1>[\\d]+)", path)
    return Route(re.compile(rf"/wc/v[123]{path}", re.ASCII), shown, actions, collection, announced)


def _batch_actions(handler: Handler) -> dict[str, tuple[str, Handler]]:
    return dict.fromkeys(("POST", "PUT", "PATCH"), ("batch", handler))


def _allow(route: Route | None) -> dict[str, str]:
    return {"Allow": route.allow} if route else {}


def _json(value: object, headers: dict[str, str] | None = None) -> Answer:
    return Answer(200, encode(value), dict(headers or {}))


def _totals(total: int, per_page: int) -> dict[str, str]:
    return {"X-WP-Total": str(total), "X-WP-TotalPages": str(math.ceil(total / per_page))}


def _belongs(doc: Doc, ids: Ids) -> bool:
    """A sub-resource is only found under its own order or product."""
    parent = ids.get("order_id") or ids.get("product_id")
    return parent is None or parent == (doc["order_id"] if "order_id" in doc else doc.get("parent_id"))


def _row(change: Callable[[str, Any], Doc], name: str, row: Any) -> Doc:
    try:
        return change(name, row)
    except RestError as refused:
        number = row.get("id") if isinstance(row, Mapping) else row
        return {"id": int(number or 0), "error": refused.json()}


def _check_permissions(call: Call) -> None:
    wanted = "read" if call.method in ("GET", "HEAD") else "write"
    if call.key and call.key.permissions not in (wanted, "read_write"):
        message = f"The API key provided does not have {wanted} permissions."
        raise RestError(401, "woocommerce_rest_authentication_error", message)


def _refusal(call: Call, right: str) -> RestError | None:
    if right == "public" or (call.key and call.key.role != "customer"):
        return None
    code, message = REFUSALS[right]
    return RestError(403 if call.key else 401, f"woocommerce_rest_cannot_{code}", message)


def _echo(collection: Collection, params: Params) -> Params:
    """`Link` repeats the whole query, keys and secrets included, and adds internal arguments: as measured."""
    query = {name: value for name, value in params.items() if name != "status" or "status" not in collection.echo}
    if text_of(query, "dates_are_gmt").lower() in listing.TRUE:
        query["dates_are_gmt"] = "1"
    if "status" in collection.echo:
        query["status"] = list_of(params, "status") or ["any"]
    if "dp" in collection.echo:
        query.setdefault("dp", "2")
    if "context" in collection.echo:
        query["context"] = "view"
    return query


def pick(doc: Any, fields: list[str]) -> Any:
    """`_fields`, with "a.b" for a part of an object; a list inside a document has no such parts."""
    if not fields or not isinstance(doc, dict):
        return doc
    tree: dict[str, list[str]] = {}
    for name in fields:
        head, _, rest = name.partition(".")
        tree.setdefault(head, [])
        if rest:
            tree[head].append(rest)
    whole = {name for name in fields if "." not in name}
    return {key: _part(value, [] if key in whole else tree[key]) for key, value in doc.items() if key in tree}


def _part(value: Any, fields: list[str]) -> Any:
    return [] if fields and isinstance(value, list) else pick(value, fields)

"""Fills a store with a year of a Nordic outdoor shop: the same store for the same seed number and start time.

It holds every oddity seen in real stores: see `ODDITIES` for how often each comes.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from xtnd.ops.demo.pricing import ZERO
from xtnd.ops.demo.store import Coupon, Fee, Line, RefundLine, Shipping, Store

PLACES = (
    "Abisko", "Sarek", "Kebnekaise", "Åre", "Höga Kusten", "Tiveden", "Ängsö", "Öland", "Vättern", "Jämtland",
)  # fmt: skip
# (name, category, price with tax of the first in the row, tax class)
WARES = (
    ("Tält {} 2 personer", "Tält", 2495, ""),
    ("Ryggsäck {} 45 L", "Ryggsäckar", 1295, ""),
    ("Sovsäck {} −5 °C", "Sovsäckar", 1795, ""),
    ("Liggunderlag {}", "Sovsäckar", 449, ""),
    ("Stormkök & bränsle {}", "Kök", 899, ""),
    ("Kåsa {} i björk", "Kök", 189, ""),
    ("Termos {} ½ liter", "Kök", 329, ""),
    ("Pannlampa {}", "Tillbehör", 399, ""),
    ("Kniv {} i kolstål", "Tillbehör", 549, ""),
    ("Kompass {}", "Tillbehör", 299, ""),
    ("Fiskespö {}", "Fiske", 749, ""),
    ("Kaffe {} – mörkrost, 500 g", "Mat & dryck", 89, "moms-12"),
    ("Frystorkad gryta {}", "Mat & dryck", 99, "moms-12"),
    ("Knäckebröd {}", "Mat & dryck", 49, "moms-12"),
)
CLOTHES = ("Skaljacka", "Tröja i merinoull", "Vandringsbyxa")
SIZES, COLOURS = ("S", "M", "L"), ("Blå", "Röd")
FIRST_NAMES = ("Åsa", "Lars", "Örjan", "Märta", "Håkan", "Sofia", "Nils", "Ängla", "Per-Erik", "Aino", "Kjetil", "Ida")
LAST_NAMES = (
    "Åström",
    "Öberg",
    "Sjögren",
    "Lindqvist",
    "Björk",
    "Ängström",
    "Hallström",
    "Wåhlin",
    "Nygård",
    "Mäkinen",
)
COMPANIES = ("Jönköpings Bygg & Färg AB", "Åkeri & Söner AB", "Fjällguiderna i Åre AB", "Kafé Ö HB")
CITIES = {
    "SE": (("Jönköping", "553 21"), ("Östersund", "831 30"), ("Malmö", "211 22"), ("Luleå", "972 32")),
    "NO": (("Trondheim", "7010"), ("Ålesund", "6002")),
    "FI": (("Jyväskylä", "40100"), ("Åbo", "20100")),
}
PAYMENTS = (("klarna", "Klarna"), ("swish", "Swish"), ("bacs", "Banköverföring"))
PARCEL = Shipping("PostNord MyPack", Decimal("39.20"), "flat_rate", "1")
LETTER = Shipping("Brev", Decimal("18.90"), "flat_rate", "3")  # its tax, 4.725, is rounded two ways: see pricing
NORDIC = Shipping("PostNord Norden", Decimal("118.90"), "flat_rate", "2")
INVOICE_FEE = Fee("Fakturaavgift", Decimal("23.20"))
WELCOME, EVERYTHING = Coupon("välkommen10", 10, 321), Coupon("allt100", 100, 323)
KRONOR_PER_EURO = Decimal("11.4")

# One order in so many, and which: index % every == place.
ODDITIES = {
    "euro": (25, 3),
    "norway": (15, 5),
    "finland": (15, 11),
    "deleted product": (50, 7),
    "free sample": (60, 13),
    "all discounted": (70, 17),
    "letter": (300, 19),
    "invoice fee": (6, 2),
    "coupon": (10, 4),
    "partly refunded": (20, 9),
    "wholly refunded": (25, 14),
    "company": (5, 1),
}


def seed_store(
    store: Store, *, seed: int = 1, orders: int = 1500, products: int = 200, customers: int = 60, days: int = 365
) -> None:
    """Seed an empty store; its clock says when "now" is. One transaction: a seeding cut short leaves nothing."""
    clock = store.clock
    seeder = _Seeder(store, random.Random(seed), clock(), products)  # noqa: S311 - a shop, not a secret
    try:
        with store.changing():
            seeder.run(orders, customers, days)
    finally:
        store.clock = clock


@dataclass
class _Seeder:
    """Works under a clock of its own, so that everything is dated when it is said to have happened."""

    store: Store
    chance: random.Random
    now: datetime
    wanted_products: int
    sold: list[Line] = field(default_factory=list)  # what there is to buy, one of each
    people: dict[int, Mapping[str, str]] = field(default_factory=dict)
    free_sample: int = 0

    def run(self, orders: int, customers: int, days: int) -> None:
        start = self.now - timedelta(days=days)
        self._at(start - timedelta(days=30))
        self._products()
        self._customers(customers)
        moments = sorted(start + timedelta(seconds=self.chance.randrange(days * 86400)) for _ in range(orders))
        for index, moment in enumerate(moments):
            self._order(index, moment)
        self._at(self.now - timedelta(days=2))
        self._stock_up()

    def _at(self, moment: datetime) -> None:
        moment = min(moment, self.now)
        self.store.clock = lambda: moment

    # -- catalogue -------------------------------------------------------------------------------------------------

    def _products(self) -> None:
        self._special_products()
        self._clothes()
        index = 0
        while len(self.store.products) < self.wanted_products:
            ware, place = WARES[index % len(WARES)], PLACES[index // len(WARES) % len(PLACES)]
            series = index // (len(WARES) * len(PLACES))
            self._ware(index, ware, f"{place} {series + 1}" if series else place)
            index += 1

    def _ware(self, index: int, ware: tuple[str, str, int, str], place: str) -> None:
        pattern, category, price, tax_class = ware
        name = pattern.format(place)
        asked = price + (index // len(WARES)) * (price // 20)
        text = f"{asked}.90" if index % 7 == 0 else str(asked)
        number = self.store.add_product(
            name=name,
            price=text,
            sku="" if index % 41 == 40 else f"ART-{index + 1:04}",
            stock=None if index % 13 == 12 else self.chance.randrange(400, 900),
            tax_class=tax_class,
            global_unique_id=_ean(index) if index % 3 else "",
            categories=[_category(category)],
            weight=str(self.chance.randrange(1, 40) / 10),
        )
        self.sold.append(Line(number))

    def _special_products(self) -> None:
        add = self.store.add_product
        twin = add(name="Dubblett: samma artikelnummer som en annan", price="219", sku="ART-0002", stock=600)
        service = add(name="Guidad tur (tjänst)", price="995", sku="TJ-TUR", virtual=True, shipping_required=False)
        fika = add(name='Fika & "kaffe" <b>½ kg</b> – 50 % rabatt', price="45.50", sku="SKU/åäö&1", stock=500)
        self.free_sample = add(name="Gratisprov", price="0", sku="PROV-0", stock=500)
        add(name="Kommande nyhet", sku="NY-1", status="draft")
        bundle = add(name="Vandringspaket", sku="PKT-1", type="grouped", grouped_products=[twin, fika])
        self.store.update_product(bundle, {"price": "45.50"})
        self.sold += [Line(number) for number in (twin, service, fika)]

    def _clothes(self) -> None:
        for index, (kind, place) in enumerate((kind, place) for place in PLACES for kind in CLOTHES):
            if len(self.store.products) >= self.wanted_products:
                return
            by_parent = index % 10 == 3
            name, sku = f"{kind} {place}", f"KL-{index + 1:03}"
            parent = self.store.add_product(
                name=name, sku=sku, stock=500 if by_parent else None, categories=[_category("Kläder")]
            )
            for size in SIZES:
                for colour in COLOURS:
                    self._variation(parent, index, size, colour, by_parent=by_parent)

    def _variation(self, parent: int, index: int, size: str, colour: str, *, by_parent: bool) -> None:
        price = str(599 + 50 * index + (100 if size == "L" else 0))
        own_sku = "" if index % 10 == 6 and size == "S" else f"KL-{index + 1:03}-{size}-{colour[:2].upper()}"
        number = self.store.add_variation(
            parent,
            options={"Storlek": size, "Färg": colour},
            price=price,
            sku=own_sku.replace("Å", "A").replace("Ö", "O"),
            stock="parent" if by_parent else self.chance.randrange(100, 400),
        )
        self.sold.append(Line(parent, variation_id=number))

    def _stock_up(self) -> None:
        """End with believable levels: most in tens, some empty, some below zero."""
        for number in [*self.store.products, *self.store.variations]:
            if self.store.sellable(number)[1]["manage_stock"] is True:
                level = self.chance.choices(
                    (self.chance.randrange(3, 90), 0, -self.chance.randrange(1, 20)), (90, 7, 3)
                )
                self.store.set_stock(number, level[0])

    # -- customers -------------------------------------------------------------------------------------------------

    def _customers(self, count: int) -> None:
        for index in range(count):
            person = self._person(f"kund{index + 1}@exempel.test", "SE", index % 5 == 1)
            meta = {"vat_number": _vat(index)} if person["company"] else None
            number = self.store.add_customer(
                email=person["email"],
                first_name=person["first_name"],
                last_name=person["last_name"],
                billing=person,
                meta=meta,
            )
            self.people[number] = person

    def _person(self, email: str, country: str, company: bool) -> dict[str, str]:
        city, postcode = self.chance.choice(CITIES[country])
        return {
            "first_name": self.chance.choice(FIRST_NAMES),
            "last_name": self.chance.choice(LAST_NAMES),
            "company": self.chance.choice(COMPANIES) if company else "",
            "address_1": f"Storgatan {self.chance.randrange(1, 99)}",
            "city": city,
            "postcode": postcode,
            "country": country,
            "email": email,
            "phone": f"070-{self.chance.randrange(1000000, 9999999)}",
        }

    # -- orders ----------------------------------------------------------------------------------------------------

    def _order(self, index: int, moment: datetime) -> None:
        odd = {name for name, (every, place) in ODDITIES.items() if index % every == place}
        self._at(moment)
        customer, buyer = self._buyer(index, odd)
        number = self.store.place_order(
            lines=self._basket(odd),
            status="pending",
            customer_id=customer,
            billing=buyer,
            currency="EUR" if "euro" in odd else None,
            shipping=[self._shipping(odd, buyer["country"])],
            fees=[INVOICE_FEE] if "invoice fee" in odd and "free sample" not in odd else [],
            coupon=EVERYTHING if "all discounted" in odd else WELCOME if "coupon" in odd else None,
            payment=PAYMENTS[2] if "invoice fee" in odd else self.chance.choice(PAYMENTS[:2]),
            transaction_id=f"TX{900000 + index}",
            customer_note="Ring på dörren – hund på gården!" if index % 12 == 0 else "",
            meta=_company_meta(index) if buyer["company"] else None,
        )
        self._live(number, index, moment, odd)

    def _buyer(self, index: int, odd: set[str]) -> tuple[int, Mapping[str, str]]:
        country = "NO" if "norway" in odd else "FI" if "finland" in odd else "SE"
        if country == "SE" and self.people and self.chance.random() < 0.6:
            customer = self.chance.choice(list(self.people))
            return customer, self.people[customer]
        return 0, self._person(f"gast{index}@exempel.test", country, "company" in odd)

    def _basket(self, odd: set[str]) -> list[Line]:
        if "free sample" in odd:
            return [Line(self.free_sample)]
        chosen = self.chance.sample(self.sold, self.chance.choices((1, 2, 3, 4), (45, 30, 15, 10))[0])
        lines = [
            Line(one.product_id, self.chance.choices((1, 2, 3), (75, 18, 7))[0], one.variation_id) for one in chosen
        ]
        if "euro" in odd:
            lines = [Line(one.product_id, one.quantity, one.variation_id, self._in_euro(one)) for one in lines]
        if "deleted product" in odd:
            lines.append(Line(0, 2, price=Decimal("199"), name="Utgången: Ryggsäck Klassisk"))
        return lines

    def _in_euro(self, line: Line) -> Decimal:
        price = Decimal(self.store.sellable(line.variation_id or line.product_id)[1]["price"])
        return (price / KRONOR_PER_EURO).quantize(Decimal("0.01"))

    def _shipping(self, odd: set[str], country: str) -> Shipping:
        if odd & {"free sample", "all discounted"}:
            return Shipping()
        if country != "SE":
            return NORDIC
        if "letter" in odd:
            return LETTER
        return PARCEL if self.chance.random() < 0.7 else Shipping()

    def _live(self, number: int, index: int, moment: datetime, odd: set[str]) -> None:
        """What becomes of the order in the days after."""
        fate = self._fate(moment, odd)
        if fate == "pending":
            return
        self._at(moment + timedelta(minutes=2))
        if fate in ("failed", "on-hold"):
            return self.store.set_status(number, fate)
        if fate == "cancelled" and index % 2:
            return self.store.set_status(number, fate)
        self.store.set_status(number, "processing")
        if fate == "processing":
            return
        shipped = moment + timedelta(hours=self.chance.randrange(5, 70))
        self._at(shipped)
        if fate == "completed":
            self.store.add_note(number, f"Paket skickat, spårningsnummer {370000000 + index}SE", customer_note=True)
        self.store.set_status(number, fate)
        if fate == "completed" and "partly refunded" in odd:
            self._give_back(number, shipped + timedelta(days=self.chance.randrange(1, 12)))

    def _fate(self, moment: datetime, odd: set[str]) -> str:
        if self.now - moment < timedelta(days=4):
            return self.chance.choices(("processing", "on-hold", "pending", "failed"), (80, 8, 8, 4))[0]
        if "wholly refunded" in odd:
            return "refunded"
        if "partly refunded" in odd:
            return "completed"
        fates = ("completed", "cancelled", "failed", "on-hold", "pending", "processing")
        return self.chance.choices(fates, (86, 5, 3, 2, 2, 2))[0]

    def _give_back(self, number: int, moment: datetime) -> None:
        self._at(moment)
        line = self.store.orders[number]["line_items"][0]
        if Decimal(line["total"]) > ZERO:
            back = RefundLine(line["id"], 1)
            self.store.refund_order(number, [back], reason="Skadad vara – återbetalning")


def _category(name: str) -> dict[str, object]:
    number = sum(name.encode()) % 900 + 16
    return {"id": number, "name": name, "slug": name.lower().replace(" & ", "-").translate(str.maketrans("åäö", "aao"))}


def _ean(index: int) -> str:
    digits = f"735{index + 1:09}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def _vat(index: int) -> str:
    return f"SE5566{index:06}01"


def _company_meta(index: int) -> dict[str, str]:
    return {"_billing_vat_number": _vat(index % 1000), "_billing_org_nr": f"5566{index % 100:02}-{index % 10000:04}"}

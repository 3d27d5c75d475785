"""What a developer writes in an afternoon: requests + sqlite3, page after page, orders and lines and the payload."""

from __future__ import annotations

import json
import sqlite3
import sys

import requests


def main() -> None:
    url, file = sys.argv[1:3]
    database = sqlite3.connect(file)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, number TEXT, status TEXT, currency TEXT, total TEXT,"
        " total_tax TEXT, created TEXT, modified TEXT, email TEXT, payload TEXT)"
    )
    database.execute(
        "CREATE TABLE lines (order_id INTEGER, id INTEGER, sku TEXT, name TEXT, quantity INTEGER, total TEXT, tax TEXT)"
    )
    session = requests.Session()
    page = 1
    while True:
        answer = session.get(
            f"{url}/wp-json/wc/v3/orders",
            params={"per_page": 100, "page": page, "orderby": "id", "order": "asc"},
            auth=("ck_x", "cs_x"),
            timeout=60,
        )
        rows = answer.json()
        with database:
            database.executemany(
                "INSERT INTO orders VALUES (?,?,?,?,?,?,?,?,?,?)",
                [
                    (o["id"], o["number"], o["status"], o["currency"], o["total"], o["total_tax"],
                     o["date_created_gmt"], o["date_modified_gmt"], o["billing"]["email"], json.dumps(o))
                    for o in rows
                ],
            )  # fmt: skip
            database.executemany(
                "INSERT INTO lines VALUES (?,?,?,?,?,?,?)",
                [
                    (o["id"], line["id"], line["sku"], line["name"], line["quantity"], line["total"], line["total_tax"])
                    for o in rows
                    for line in o["line_items"]
                ],
            )
        if len(rows) < 100:
            break
        page += 1
    print(database.execute("SELECT count(*) FROM orders").fetchone()[0])


if __name__ == "__main__":
    main()

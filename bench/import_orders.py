"""Import of orders from a loopback store: XTND against a plain requests + sqlite3 script, in the same run.

`python -m bench.import_orders [ORDERS] [LATENCY_MS …]`: medians of five, the two in turn, so that a machine that
changes its speed changes both.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROUNDS = 5


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    latencies = [int(one) for one in sys.argv[2:]] or [0]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {count} orders, medians of {ROUNDS}")
    print(
        "| latency | XTND orders/s | plain orders/s | XTND / plain | XTND CPU s | unchanged/s | quiet poll | memory |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for latency in latencies:
        print(row(count, latency), flush=True)


def row(count: int, latency: int) -> str:
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.server", str(count), str(latency)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
    try:
        rounds = [(ours(url), plain(url)) for _ in range(ROUNDS)]
    finally:
        server.terminate()
        server.wait()

    def median(pick: Any) -> float:
        return statistics.median(pick(mine, theirs) for mine, theirs in rounds)

    mine = median(lambda m, t: count / m["import"]["seconds"])
    theirs = median(lambda m, t: count / t)
    ratio = median(lambda m, t: t / m["import"]["seconds"])
    cpu = median(lambda m, t: m["import"]["cpu"])
    again = median(lambda m, t: count / m["unchanged"]["seconds"])
    poll = median(lambda m, t: m["poll"]["seconds"] * 1000)
    memory = median(lambda m, t: m["peak_mb"])
    requests = rounds[0][0]["poll"]["requests"]
    return (
        f"| {latency} ms | {mine:,.0f} | {theirs:,.0f} | {ratio:.2f} | {cpu:.1f} | {again:,.0f}"
        f" | {requests} request, {poll:.0f} ms | {memory:.0f} MB |"
    )


def ours(url: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "XTND_DATA_DIR": folder,
            "XTND_ALLOWED_PRIVATE_NETS": "127.0.0.0/8",
            "XTND_REQUESTS_IN_FLIGHT": "4",
            "XTND_LOG_LEVEL": "WARNING",
        }
        said = subprocess.run(
            [sys.executable, "-m", "bench.ours", url], env=environment, check=True, capture_output=True, text=True
        )
    figures: dict[str, Any] = json.loads(said.stdout)
    return figures


def plain(url: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "bench.plain", url, str(Path(folder) / "plain.db")], check=True, capture_output=True
        )
        return time.perf_counter() - began


if __name__ == "__main__":
    main()

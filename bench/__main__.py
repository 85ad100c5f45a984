"""`python -m bench [a b c d e f g h i] [--quick]`: runs benchmarks, prints and writes a table."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from bench import (
    awards,
    dashboard,
    growth,
    latency,
    learning,
    pages,
    plans,
    requests,
    sign_in,
)
from bench.harness import open_servers
from bench.report import Figure, print_table, progress, write
from bench.scale import FULL, QUICK

BENCHMARKS = {
    "a": awards.run,
    "b": latency.run,
    "c": requests.run,
    "d": growth.run,
    "e": sign_in.run,
    "f": learning.run,
    "g": plans.run,
    "h": dashboard.run,
    "i": pages.run,
}


async def _run(names: list[str], *, quick: bool, configured: bool) -> list[Figure]:
    figures: list[Figure] = []
    async with open_servers(configured=configured) as servers:
        for name in names:
            began = time.monotonic()
            figures += await BENCHMARKS[name](servers, QUICK if quick else FULL)
            progress(f"{name} took {time.monotonic() - began:.0f} s")
            write(figures)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=sys.modules["bench"].__doc__)
    letters = "|".join(sorted(BENCHMARKS))
    parser.add_argument("names", nargs="*", metavar=letters, help="which; all unless said")
    parser.add_argument("--quick", action="store_true", help="a smoke run; its figures are noise")
    parser.add_argument(
        "--configured",
        action="store_true",
        help="use the servers of DATABASE_URL and REDIS_URL (Redis 8 and 9 are emptied)",
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    names = chosen.names or sorted(BENCHMARKS)
    print_table(asyncio.run(_run(names, quick=chosen.quick, configured=chosen.configured)))


if __name__ == "__main__":
    main()

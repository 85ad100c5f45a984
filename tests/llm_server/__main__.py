"""python -m tests.llm_server --port 0: serves until it is ended, and first prints its address."""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.llm_server import listening_on, serve
from tests.llm_server.script import Script


async def main(port: int) -> None:
    with listening_on(port) as listening:
        sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        await serve(Script()).serve(sockets=[listening])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(main(parser.parse_args().port))

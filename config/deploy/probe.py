"""Health checks inside a container, without any outside tool and without loading the portal.

`python config/deploy/probe.py web`, `python config/deploy/probe.py process celery`.
"""

from __future__ import annotations

import http.client
import os
import sys
from pathlib import Path


def is_web_alive(port: int) -> bool:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        client.request("GET", "/healthz", headers={"Host": "localhost"})
        return client.getresponse().status == 200
    except OSError:
        return False
    finally:
        client.close()


def has_process(word: str, processes: Path = Path("/proc")) -> bool:
    """Whether another process has `word` in its command line."""
    for entry in processes.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            arguments = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(word in argument for argument in arguments[:4]):
            return True
    return False


def main(arguments: list[str]) -> int:
    match arguments:
        case ["web"]:
            return 0 if is_web_alive(int(os.environ.get("PORT", "8000"))) else 1
        case ["process", word]:
            return 0 if has_process(word) else 1
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

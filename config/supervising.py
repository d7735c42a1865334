"""Several processes under one: started, restarted when they fall, stopped together without an orphan."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

STOP_SECONDS = 30.0
STEADY_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """One process with its log file."""

    name: str
    command: Sequence[str]
    log: Path
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    falls: int = 0

    def start(self, environment: Mapping[str, str]) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops all in order
                preexec_fn=die_with_parent,
            )
        self.started_at = time.monotonic()

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def last_lines(self, count: int = 12) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])


class Supervisor:
    """Keeps its children running until it is asked to stop."""

    def __init__(self, children: Sequence[Child], environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        self.children = children
        self._environment = environment
        self._say = say
        self._is_stopping = False

    def start(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        for child in self.children:
            child.start(self._environment)

    def wait_until(self, is_ready: Callable[[], bool], seconds: float) -> bool:
        """Whether `is_ready` came true in time with every child still running."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._is_stopping:
            if not all(child.is_running for child in self.children):
                return False
            if is_ready():
                return True
            time.sleep(0.2)
        return False

    def watch(self) -> None:
        """Until asked to stop; a child that falls is started again, later each time it falls at once."""
        while not self._is_stopping:
            for child in self.children:
                self._look_after(child)
            time.sleep(0.3)

    def stop(self) -> None:
        """Asks all to end, gives them 30 s together, then ends them and whatever they started."""
        self._is_stopping = True
        for child in self.children:
            if child.process is not None and child.is_running:
                child.process.terminate()
        end = time.monotonic() + STOP_SECONDS
        for child in self.children:
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(f"{child.name} did not stop in time and was ended.")
            _kill_group(child.process.pid)
            child.process.wait()

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.is_running:
            return
        if not child.start_again_at:
            child.falls = 1 if now - child.started_at > STEADY_SECONDS else child.falls + 1
            pause = min(30, 2 ** (child.falls - 1))
            child.start_again_at = now + pause
            self._say(f"{child.name} ended unexpectedly and is started again in {pause} s. Its log: {child.log}")
        elif now >= child.start_again_at:
            child.start_again_at = 0.0
            child.start(self._environment)

    def _asked_to_stop(self, _number: int, _frame: object) -> None:
        self._is_stopping = True


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def die_with_parent() -> None:
    """On Linux: a child is told to stop when the supervisor itself is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

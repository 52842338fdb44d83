"""Starts the product's child processes as forks of a server that has imported what they import.

A virtual board, TFLM's child and imgtool are new interpreters each time, and their imports take longer than most tests.
What runs is the same; how it is started is not, so tests of the start do without this (`children_start_cold`).

The product starts a small client in the place of the interpreter. It hands its descriptors, folder and environment to
the server, and ends as the fork ends; if the client is killed, so is the fork.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import marshal
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

_USUAL = ("edge_deployer.virtual_board.__main__", "edge_deployer.tflm.worker", "imgtool.main")

_CLIENT = """
import marshal, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
socket.send_fds(server, [b"3"], [0, 1, 2])
server.sendall(marshal.dumps((sys.argv[2:], os.getcwd(), dict(os.environ))))
status = int(server.recv(8) or b"1")
if status < 0:
    os.kill(os.getpid(), -status)
os._exit(status)
"""


@contextlib.contextmanager
def warm_start(
    preloaded: Sequence[str] = _USUAL, environment: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Callable[[str], list[str]]]:
    """Run the server; yields what takes the place of `edge_deployer.child_process.module_command`.

    Args:
        preloaded: modules that the server imports before it serves.
        environment: variables that they are imported with, beside those of this process. A fork has its client's.
    """
    with tempfile.TemporaryDirectory() as folder:
        address = str(Path(folder, "socket"))
        command = [sys.executable, "-m", "tests.warm_start", *preloaded, address]
        variables = {**os.environ, **environment}
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT, env=variables
        ) as server:
            assert server.stdin
            assert server.stdout
            assert server.stdout.readline() == b"ready\n"
            yield lambda module: [sys.executable, "-I", "-S", "-c", _CLIENT, address, module]
            server.stdin.close()


_ROOT = Path(__file__).parents[1]


class _Server:
    """Forks for who connects, until stdin ends."""

    def __init__(self, address: str) -> None:
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address)
        self._listener.listen(64)
        self._selector.register(self._listener, selectors.EVENT_READ, self._start)

    def run(self) -> None:
        ended: list[bool] = []
        self._selector.register(0, selectors.EVENT_READ, lambda: ended.append(True))
        while not ended:
            for key, _ in self._selector.select():
                # A fork and its client may end at once: what the first takes care of is not there for the second.
                if self._selector.get_map().get(key.fd) is key:
                    key.data()

    def _start(self) -> None:
        client, _ = self._listener.accept()
        with contextlib.closing(client.makefile("rb")) as request:
            _, descriptors, _, _ = socket.recv_fds(client, 1, 3)
            try:
                words, folder, environment = marshal.load(request)
            except EOFError:
                # It was killed before it had said what it wants.
                for descriptor in descriptors:
                    os.close(descriptor)
                client.close()
                return
        pid = os.fork()
        if pid == 0:
            _become(words, folder, environment, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        process = os.pidfd_open(pid)
        self._selector.register(process, selectors.EVENT_READ, lambda: self._finish(client, process, pid))
        self._selector.register(client, selectors.EVENT_READ, lambda: self._kill(client, process))

    def _kill(self, client: socket.socket, process: int) -> None:
        """The client is gone, as it had no more to say."""
        self._selector.unregister(client)
        signal.pidfd_send_signal(process, signal.SIGKILL)

    def _finish(self, client: socket.socket, process: int, pid: int) -> None:
        _, status = os.waitpid(pid, 0)
        with contextlib.suppress(OSError):
            client.sendall(b"%d" % os.waitstatus_to_exitcode(status))
        self._selector.unregister(process)
        os.close(process)
        with contextlib.suppress(KeyError):
            self._selector.unregister(client)
        client.close()


def _become(words: list[str], folder: str, environment: dict[str, str], descriptors: list[int]) -> None:
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    module, *_ = sys.argv = words
    for name in (module, f"{module}.__main__"):
        # It is run, not imported.
        sys.modules.pop(name, None)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit()


if __name__ == "__main__":
    # Ctrl-C is for who runs the tests.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    *modules, listening = sys.argv[1:]
    for module in modules:
        importlib.import_module(module)
    gc.freeze()
    serving = _Server(listening)
    os.write(1, b"ready\n")
    serving.run()

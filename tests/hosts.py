"""Two hosts on one machine: network namespaces of the kernel, each with an address of its own, joined by a cable."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

_IP: Final = shutil.which("ip", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])) or ""
_SSH: Final = """\
#!/bin/sh
# In place of ssh: "[-x] ADDRESS WORDS…" runs the words on the host of that address.
[ "$1" = -x ] && shift
address=$1
shift
exec {ip} netns exec "{prefix}${{address##*.}}" sh -c "$*"
"""


class Hosts:
    """Hosts 1 and 2; the prefix of their names tells those of one test from those of another."""

    addresses = ("10.77.0.1", "10.77.0.2")

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def on(self, host: int) -> list[str]:
        """The words that run what follows them on a host."""
        return [_IP, "netns", "exec", f"{self.prefix}{host}"]

    def ip(self, host: int, words: str) -> str:
        """What ``ip`` prints for a host."""
        return _run("-n", f"{self.prefix}{host}", *words.split())

    def connect(self) -> None:
        """Make the hosts and plug in the cable between them."""
        for host in (1, 2):
            _run("netns", "add", f"{self.prefix}{host}")
            self.ip(host, "link set lo up")
        self.ip(1, f"link add cable type veth peer name cable netns {self.prefix}2")
        for host, address in enumerate(self.addresses, 1):
            self.ip(host, f"address add {address}/24 dev cable")
            self.ip(host, "link set cable up")
        deadline = time.monotonic() + 30
        while not all("state UP" in self.ip(host, "link show cable") for host in (1, 2)):  # within a second
            assert time.monotonic() < deadline, "the cable never came up"
            time.sleep(0.05)

    def cut(self) -> None:
        """Pull the cable out."""
        self.ip(1, "link set cable down")

    def sent(self, host: int) -> int:
        """The bytes that a host has sent through the cable."""
        namespace = [*self.on(host), "cat", "/proc/net/dev"]
        text = subprocess.run(namespace, check=True, capture_output=True, text=True).stdout
        return int(next(line for line in text.splitlines() if "cable:" in line).split()[9])

    def remove(self) -> None:
        """Remove the hosts, and what still runs on them."""
        for host in (1, 2):
            with contextlib.suppress(subprocess.CalledProcessError):
                for pid in _run("netns", "pids", f"{self.prefix}{host}").split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
                _run("netns", "delete", f"{self.prefix}{host}")

    def slow_down(self, rate: str) -> None:
        """Limit what each host sends to a rate of the words of ``tc``, as "1gbit"."""
        for host in (1, 2):
            limit = f"qdisc add dev cable root tbf rate {rate} burst 1mb latency 50ms"
            subprocess.run([*self.on(host), _IP.removesuffix("ip") + "tc", *limit.split()], check=True)

    def mpirun(self, mpirun: str, folder: Path) -> list[str]:
        """The words of MPICH's ``mpirun`` for a rank on each host, up to their number."""
        ssh = folder / "ssh"  # does on a host what ssh would do
        ssh.write_text(_SSH.format(ip=_IP, prefix=self.prefix))
        ssh.chmod(0o755)
        return [
            *(*self.on(1), mpirun, "-launcher", "ssh", "-launcher-exec", str(ssh), "-ppn", "1"),
            *("-hosts", ",".join(self.addresses)),
            *("-genv", "UCX_TLS", "tcp,self", "-genv", "UCX_NET_DEVICES", "cable"),  # not through shared memory
        ]


def _run(*words: str) -> str:
    return subprocess.run([_IP, *words], check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def two_hosts() -> Iterator[Hosts]:
    """Two hosts for the time of a test, which is skipped where they cannot be made."""
    if not _IP:
        pytest.skip("needs iproute2, to make hosts of network namespaces")
    hosts = Hosts(f"mlp{os.getpid()}-")
    try:
        hosts.connect()
    except subprocess.CalledProcessError as error:
        hosts.remove()
        pytest.skip(f"needs leave to make network namespaces: {error.stderr.strip()}")
    try:
        yield hosts
    finally:
        hosts.remove()

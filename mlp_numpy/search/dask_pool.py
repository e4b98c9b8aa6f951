"""A pool on Dask: calls run on the workers of a scheduler, on one machine or many."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import pickle
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from mlp_numpy.checks import shown
from mlp_numpy.errors import ClusterError, ExtraMissingError, OptionError
from mlp_numpy.search.dask_check import check_workers
from mlp_numpy.search.dask_worker import run_call
from mlp_numpy.search.data_source import DataSource
from mlp_numpy.search.parallel import T

CONNECT_SECONDS: Final = 10.0
"""How long a scheduler may take to answer, and then a first worker to be there."""
NO_WORKER_SECONDS: Final = 60.0
"""How long a scheduler may be without workers while calls are under way."""
_POLL_SECONDS: Final = 2.0
_ALONE: Final[dict[str, Any]] = {
    "threads_per_worker": 1,
    "memory_limit": 0,  # as little as for other processes
    # a third death is the last one; and no web page, whose port may be taken
    "scheduler_kwargs": {"allowed_failures": 2, "dashboard": False, "dashboard_address": "127.0.0.1:0"},
    "silence_logs": logging.CRITICAL,
}
_LOCAL: Final = "local:"
_ADDRESS: Final = re.compile(r"(\w+://)?[^\s/]+:\d+")
_GO_ON: Final = "Nothing that was finished is lost. Hint: the same command goes on from there"


class DaskPool:
    """The workers of the Dask scheduler at ``address``, ``tcp://HOST:PORT``; or N of its own, ``local:N``.

    Every worker must have this version of the library and the same data, at the same path or relative to the folder
    that it was started in. A worker that dies costs the calls that it ran: they run again, on another one.

    A call is known to the scheduler by its arguments: if this process is killed, the calls under way are finished, and
    the next process that asks for them gets their results.

    Raises OptionError for an invalid address.
    """

    def __init__(self, address: str) -> None:
        valid = isinstance(address, str) and (
            re.fullmatch(r"local:[1-9]\d{0,3}", address)
            or not address.startswith(_LOCAL)
            and _ADDRESS.fullmatch(address)
        )
        if not valid:
            raise OptionError(f"dask: there must be an address tcp://HOST:PORT, or local:N, got {shown(address)}.")
        self.address = address

    def __str__(self) -> str:
        return f"on Dask at {self.address}"

    def __repr__(self) -> str:
        return f"DaskPool({self.address!r})"

    def in_process(self, n_calls: int) -> bool:
        """False: calls run on the cluster."""
        return False

    def map(
        self,
        function: Callable[..., T],
        calls: Iterable[tuple[Any, ...]],
        *,
        data: Sequence[DataSource] = (),
        lost: Callable[..., T],
    ) -> Iterator[T]:
        """Yield the result of ``function`` for each of ``calls``, in the order of completion.

        data   the data sets that the calls load
        lost   ``lost(reason, *call)`` makes the result of a call whose workers died, as often as the scheduler allows:
               that of ``local:N`` three times, others by their setting ``allowed-failures``

        A worker with another BLAS, NumPy or processor gets a WorkerWarning.

        Raises ExtraMissingError without Dask's library, WorkerMismatchError for a worker with another version or other
        data, ClusterError without a scheduler or without workers, and the exceptions of ``function``.
        """
        distributed = _distributed()
        with self._client(distributed) as client:
            version, digests = check_workers(client, data)
            tasks = [(call, pickle.dumps((digests, function, call))) for call in calls]
            keys = _keys(function, [(version, digests, call) for call, _ in tasks])
            waiting = deque((key, call, (version, content)) for key, (call, content) in zip(keys, tasks, strict=True))
            for call, result, error in self._completed(distributed, client, waiting):
                if error is None:
                    yield result
                elif isinstance(error, distributed.scheduler.KilledWorker):
                    yield lost(_death(error), *call)
                else:
                    check_workers(client, data)  # one that came later, without the library, fails in its own words
                    raise error

    def _completed(self, distributed: Any, client: Any, waiting: deque[Any]) -> Iterator[tuple[Any, Any, Any]]:
        """Yield each call with its result, or with its exception.

        No more calls are under way than there are threads: the death of a worker counts against no call that waited
        there. A future is published until its result was taken: a scheduler forgets others together with their client.
        """
        under_way: dict[Any, Any] = {}
        done: list[tuple[Any, Any]] = []
        last_seen = time.monotonic()
        while waiting or under_way or done:
            with self._reached(distributed):
                n_threads = sum(client.nthreads().values())
                while waiting and len(under_way) < max(1, n_threads):
                    key, call, task = waiting.popleft()
                    future = client.submit(run_call, *task, key=key)
                    client.publish_dataset(future, name=key, override=True)
                    under_way[future] = call
            for future, call in done:  # while the workers go on with the next ones
                with self._reached(distributed):
                    try:
                        error = future.exception(timeout=_POLL_SECONDS)
                        result = future.result(timeout=_POLL_SECONDS) if error is None else None
                    except TimeoutError:  # its worker died with the result, so that it runs again
                        under_way[future] = call
                        continue
                    if error is not None:
                        client.unpublish_dataset(future.key)
                yield call, result, error
                with self._reached(distributed):
                    client.unpublish_dataset(future.key)
            with self._reached(distributed), contextlib.suppress(TimeoutError), client.as_current():
                distributed.wait(list(under_way), timeout=_POLL_SECONDS, return_when="FIRST_COMPLETED")
            last_seen = time.monotonic() if n_threads else last_seen
            if under_way and time.monotonic() - last_seen > NO_WORKER_SECONDS:
                raise ClusterError(f"dask: the scheduler at {self.address} must have workers, all are gone. {_GO_ON}.")
            done = [(future, under_way.pop(future)) for future in list(under_way) if future.done()]

    @contextlib.contextmanager
    def _client(self, distributed: Any) -> Iterator[Any]:
        with contextlib.ExitStack() as stack:
            # What it logs, such as the end of each worker, comes here as an exception, or is of no interest.
            stack.enter_context(distributed.utils.silence_logging_cmgr(logging.CRITICAL))
            address: Any = self.address
            if self.address.startswith(_LOCAL):
                n_workers = int(self.address.removeprefix(_LOCAL))
                address = stack.enter_context(distributed.LocalCluster(n_workers=n_workers, **_ALONE))
            try:
                if address == self.address:
                    _shake_hands(distributed, address)
                client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
                stack.enter_context(client)
            except (OSError, ValueError) as error:
                got = str(error).rstrip(".") or type(error).__name__  # a refused connection has no words
                raise ClusterError(
                    f"dask: there must be a scheduler at {self.address}, got: {got}. "
                    f"Hint: `dask scheduler` on that machine, and `dask worker {self.address}` wherever trials shall "
                    "run; or --dask local:2 or --jobs 2, on this machine alone."
                ) from error
            try:
                client.wait_for_workers(1, timeout=CONNECT_SECONDS)
            except TimeoutError as error:
                raise ClusterError(
                    f"dask: the scheduler at {self.address} must have workers, found none. "
                    f"Hint: `dask worker {self.address}`, on this machine or others."
                ) from error
            yield client

    @contextlib.contextmanager
    def _reached(self, distributed: Any) -> Iterator[None]:
        """Context of requests to the scheduler."""
        try:
            yield
        except (OSError, distributed.CancelledError) as error:
            what = type(error).__name__  # its text is a list of calls
            raise ClusterError(f"dask: the scheduler at {self.address} is gone, got {what}. {_GO_ON}.") from error


def _shake_hands(distributed: Any, address: str) -> None:
    """Raise OSError if nothing at ``address`` talks as Dask does; a Client waits forever for one that accepts a
    connection and is silent."""

    async def shake() -> None:
        options = distributed.Security().get_connection_args("client")
        comm = await distributed.comm.connect(address, timeout=CONNECT_SECONDS, **options)
        comm.abort()

    runner = distributed.utils.LoopRunner()
    runner.start()
    try:
        distributed.utils.sync(runner.loop, shake, callback_timeout=CONNECT_SECONDS)
    finally:
        runner.stop()


def _keys(function: Callable[..., Any], contents: Sequence[Any]) -> list[str]:
    """A key for each call, the same in every process; equal calls are counted."""
    keys, seen = [], Counter[str]()
    for content in contents:
        key = f"{function.__name__}-{hashlib.sha256(repr(content).encode()).hexdigest()[:24]}"
        seen[key] += 1
        keys.append(f"{key}-{seen[key]}")
    return keys


def _death(error: Any) -> str:
    """Why a call was given up."""
    return (
        f"{error.allowed_failures + 1} workers died while they ran it, the last one {error.last_worker.address}: "
        "killed by somebody, or by the system because memory ran out"
    )


def _distributed() -> Any:
    try:
        # an optional extra that takes a second to import
        import distributed
    except Exception as error:  # a damaged installation fails with other errors than ImportError
        raise ExtraMissingError(
            f"dask: distributed must be installed, got {type(error).__name__}: {error}. "
            "Hint: pip install 'mlp_numpy[dask]'."
        ) from error
    return distributed

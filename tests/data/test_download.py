"""Downloads from a real server on this machine: resumed, restarted, refused, and never a wrong file by that name."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data_helpers import Mirrors, sha256

from mlp_numpy.data import cifar10, cifar100, download, mnist
from mlp_numpy.data.folder import alone_in
from mlp_numpy.errors import DownloadError

CONTENT = np.random.default_rng(3).bytes(700_001)
Serve = Callable[[bytes], Mirrors]


@pytest.fixture
def mirrors(serve: Serve) -> Mirrors:
    return serve(CONTENT)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "data" / "archive.tar.gz"


def part_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def begin(target: Path, content: bytes) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(content)


def check(target: Path) -> None:
    """The file is there under its name, and nothing else is."""
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]


def refused_url() -> str:
    """An address where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{held.getsockname()[1]}/file"


def fetch(target: Path, *urls: str) -> None:
    assert download.fetch(urls, target, sha256(CONTENT)) == target


def test_from_the_first_mirror(mirrors: Mirrors, target: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fetch(target, mirrors.url("good"), mirrors.url("norange"))
    check(target)
    assert mirrors.requests == [("good", None)]
    assert capfd.readouterr() == ("", "")


def test_a_file_that_is_there_is_kept(mirrors: Mirrors, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    fetch(target, mirrors.url("good"))
    check(target)
    assert mirrors.requests == []


def test_the_bar_is_drawn_when_asked(mirrors: Mirrors, target: Path, capfd: pytest.CaptureFixture[str]) -> None:
    download.fetch([mirrors.url("good")], target, sha256(CONTENT), progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "archive.tar.gz from 127.0.0.1: 100%" in err


@pytest.mark.parametrize("how", ["missing", "wrong", "cut", "lengthless", "shifted"])
def test_the_next_mirror_follows_one_that_fails(mirrors: Mirrors, target: Path, how: str) -> None:
    fetch(target, mirrors.url(how), mirrors.url("good"))
    check(target)
    assert [name for name, _ in mirrors.requests] == [how, "good"] if how != "shifted" else True


def test_a_refused_connection_and_a_bad_address_cost_no_time(mirrors: Mirrors, target: Path) -> None:
    started = time.perf_counter()
    fetch(target, refused_url(), "http://[broken/", mirrors.url("good"))
    check(target)
    assert time.perf_counter() - started < 2


def test_a_silent_mirror_is_given_up(mirrors: Mirrors, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "SILENCE_SECONDS", 0.2)
    fetch(target, mirrors.url("silent"), mirrors.url("good"))
    check(target)


def test_a_partial_file_is_continued(mirrors: Mirrors, target: Path) -> None:
    begin(target, CONTENT[:300_000])
    fetch(target, mirrors.url("good"))
    check(target)
    assert mirrors.requests == [("good", "bytes=300000-")]


def test_the_next_mirror_continues_what_a_broken_transfer_left(mirrors: Mirrors, target: Path) -> None:
    fetch(target, mirrors.url("cut"), mirrors.url("good"))
    check(target)
    assert mirrors.requests == [("cut", None), ("good", "bytes=350000-")]


def test_the_next_run_continues_what_a_broken_transfer_left(mirrors: Mirrors, target: Path) -> None:
    with pytest.raises(DownloadError):
        fetch(target, mirrors.url("cut"))
    assert not target.exists()
    assert part_of(target).read_bytes() == CONTENT[:350_000]
    fetch(target, mirrors.url("good"))
    check(target)
    assert mirrors.requests[-1] == ("good", "bytes=350000-")


def test_a_server_that_cannot_continue_begins_again(mirrors: Mirrors, target: Path) -> None:
    begin(target, CONTENT[:300_000])
    fetch(target, mirrors.url("norange"))
    check(target)
    assert mirrors.requests == [("norange", "bytes=300000-")]


def test_a_partial_file_of_another_content_is_dropped(mirrors: Mirrors, target: Path) -> None:
    begin(target, b"another file's beginning")
    fetch(target, mirrors.url("good"))
    check(target)
    assert mirrors.requests == [("good", "bytes=24-"), ("good", None)]


@pytest.mark.parametrize("surplus", [b"", b"more"])
def test_a_partial_file_that_is_whole_already(mirrors: Mirrors, target: Path, surplus: bytes) -> None:
    begin(target, CONTENT + surplus)
    fetch(target, mirrors.url("good"))
    check(target)
    assert len(mirrors.requests) == (2 if surplus else 1)


def test_wrong_bytes_from_a_continued_file_are_tried_once_more(mirrors: Mirrors, target: Path) -> None:
    begin(target, CONTENT[:100])
    with pytest.raises(DownloadError, match="delivered another file"):
        fetch(target, mirrors.url("wrong"))
    assert [asked for _, asked in mirrors.requests] == ["bytes=100-", None]
    assert list(target.parent.iterdir()) == []


def test_an_answer_with_other_bytes_than_asked_is_not_appended(mirrors: Mirrors, target: Path) -> None:
    begin(target, CONTENT[:100])
    with pytest.raises(DownloadError, match="sent other bytes than those from 100 on"):
        fetch(target, mirrors.url("shifted"))
    assert part_of(target).read_bytes() == CONTENT[:100]


def test_an_archive_labelled_as_encoded_is_not_unpacked(mirrors: Mirrors, target: Path) -> None:
    fetch(target, mirrors.url("encoded"))
    check(target)


def test_all_mirrors_failing_lists_each_with_its_reason(mirrors: Mirrors, target: Path) -> None:
    urls = [refused_url(), mirrors.url("missing"), mirrors.url("wrong"), mirrors.url("cut")]
    with pytest.raises(DownloadError) as caught:
        download.fetch(urls, target, sha256(CONTENT), otherwise=", or --dataset shapes")
    lines = str(caught.value).splitlines()
    assert lines[0] == "download.fetch: a mirror must deliver archive.tar.gz, got none of 4:"
    for line, url, reason in zip(
        lines[1:5],
        urls,
        ["Connection refused", "answered 404", "delivered another file", "IncompleteRead"],
        strict=True,
    ):
        assert line.startswith(f"  {url}: ")
        assert reason in line
    assert lines[5].startswith("Hint: check the network and start again")
    assert f"put the file at {target} by hand, or --dataset shapes." in lines[5]
    assert not target.exists()


def test_a_file_of_another_content_by_the_right_name_is_replaced(mirrors: Mirrors, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"something else")
    fetch(target, mirrors.url("good"))
    check(target)


def test_a_folder_that_cannot_be_made(mirrors: Mirrors, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"a file")
    with pytest.raises(DownloadError, match=r"data must be a folder that can be written, got: .* Hint: check its"):
        fetch(tmp_path / "data" / "archive.tar.gz", mirrors.url("good"))
    assert mirrors.requests == []


def test_a_full_disk_is_no_fault_of_the_mirror(mirrors: Mirrors, target: Path) -> None:
    """/dev/full is a disk without a free byte."""
    target.parent.mkdir()
    part_of(target).symlink_to("/dev/full")
    with pytest.raises(DownloadError, match=r"got: No space left on device\. Hint: check its permissions and the free"):
        fetch(target, mirrors.url("good"), mirrors.url("norange"))
    assert len(mirrors.requests) == 1
    assert not target.exists()


def test_two_runs_at_once_download_once(mirrors: Mirrors, target: Path) -> None:
    threads = [threading.Thread(target=fetch, args=(target, mirrors.url("good"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(target)
    assert mirrors.requests == [("good", None)]


def test_the_file_has_the_rights_of_any_other(mirrors: Mirrors, target: Path) -> None:
    fetch(target, mirrors.url("good"))
    other = target.with_name("other")
    other.touch()
    assert target.stat().st_mode == other.stat().st_mode


def test_the_home_of_cifar10_is_the_last_of_several_mirrors() -> None:
    assert len(download.CIFAR10_MIRRORS) >= 2
    assert download.CIFAR10_MIRRORS[-1] == cifar10.HOME + cifar10.PYTHON_ARCHIVE
    assert all(url.startswith("https://") and url.endswith(cifar10.PYTHON_ARCHIVE) for url in download.CIFAR10_MIRRORS)


def test_a_mirror_that_offers_more_than_the_file_is_not_read(mirrors: Mirrors, target: Path) -> None:
    with pytest.raises(DownloadError, match=r"good: offers 700,001 bytes, more than the 700,000 of the file"):
        download.fetch([mirrors.url("good")], target, sha256(CONTENT), size=700_000)
    assert list(target.parent.iterdir()) == []


def test_a_mirror_that_sends_without_end_is_stopped(mirrors: Mirrors, target: Path) -> None:
    with pytest.raises(DownloadError, match=r"endless: sent more than the 700,001 bytes of the file"):
        download.fetch([mirrors.url("endless")], target, sha256(CONTENT), size=len(CONTENT))
    assert list(target.parent.iterdir()) == []
    download.fetch([mirrors.url("endless"), mirrors.url("good")], target, sha256(CONTENT), size=len(CONTENT))
    check(target)


def test_a_partial_file_that_is_too_long_is_dropped(mirrors: Mirrors, target: Path) -> None:
    begin(target, CONTENT + b"more")
    download.fetch([mirrors.url("good")], target, sha256(CONTENT), size=len(CONTENT))
    check(target)
    assert mirrors.requests == [("good", None)]


@pytest.mark.parametrize("how", ["trickle", "trickling-header"])
def test_a_mirror_that_hardly_sends_anything_is_given_up(
    mirrors: Mirrors, target: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Each byte comes in time, and the file would take days."""
    monkeypatch.setattr(download, "WINDOW_SECONDS", 0.3)
    started = time.perf_counter()
    with pytest.raises(DownloadError, match=rf"{how}: sent \d+ bytes in 0.3 s, fewer than 300,000"):
        fetch(target, mirrors.url(how))
    assert time.perf_counter() - started < 3


def test_who_waits_for_another_process_says_so(
    mirrors: Mirrors, target: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target.parent.mkdir()
    waiting = threading.Thread(target=fetch, args=(target, mirrors.url("good")))
    with alone_in(target.parent):
        waiting.start()
        while not caplog.messages:
            waiting.join(0.01)
            assert waiting.is_alive()
        assert mirrors.requests == []
    waiting.join()
    check(target)
    assert caplog.messages == [f"{target.parent}: another process is filling this folder; waiting until it has ended"]


@pytest.mark.slow
def test_a_killed_download_leaves_what_the_next_one_continues(mirrors: Mirrors, target: Path) -> None:
    script = (
        "import sys\nfrom mlp_numpy.data import download\n"
        "download.fetch([sys.argv[1]], sys.argv[2], sys.argv[3], progress=True)\n"
    )
    command = [sys.executable, "-c", script, mirrors.url("trickle"), str(target), sha256(CONTENT)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while not part_of(target).exists():
            assert process.poll() is None
        process.kill()
    assert list(target.parent.iterdir()) == [part_of(target)]
    fetch(target, mirrors.url("good"))
    check(target)


def test_the_lengths_of_all_files_are_known() -> None:
    assert cifar10.SIZES[cifar10.PYTHON_ARCHIVE] == 170_498_071
    assert cifar100.SIZES[cifar100.PYTHON_ARCHIVE] == 169_001_437
    assert mnist.SIZES.keys() == mnist.SHA256.keys()

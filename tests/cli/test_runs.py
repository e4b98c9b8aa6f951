"""The command line, in real processes: what it prints, leaves and answers, also to wrong words and Ctrl-C."""

from __future__ import annotations

import functools
import json
import os
import resource
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from PIL import Image

from mlp_numpy.cli import main
from mlp_numpy.training import History

TRAIN_PY = Path(__file__).parents[2] / "train.py"
FAST = ["--steps", "25", "--batch", "20", "--eval-every", "10", "--hidden", "8", "--no-download"]


def start(*words: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(TRAIN_PY), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


@pytest.mark.slow
def test_train_evaluate_predict(here: Path, cifar_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    process = start("--lr", "2e-3", *FAST, "--data-dir", str(cifar_dir))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "data    CIFAR-10, 200 + 30 images" in out
    assert [line.split()[1] for line in out.splitlines() if line.startswith("step")] == ["0", "10", "20", "25"]
    assert "finished after step 25" in out
    assert "figure  plots/run-cifar10-001.png" in out
    assert err == ""
    assert main(["evaluate", "runs/run-cifar10-001"]) == 0
    out = capsys.readouterr().out
    accuracy = History.read(Path("runs/run-cifar10-001/history.json")).evaluations[-1].accuracy
    assert f"test accuracy {accuracy:.4f}" in out
    table = [line.split() for line in out.splitlines() if len(line.split()) == 12]
    assert sum(int(count) for row in table for count in row[1:-1]) == 30
    assert Path("runs/run-cifar10-001/confusion.png").exists()

    Image.new("L", (50, 40), 128).save("gray.jpg")
    Image.new("RGBA", (32, 32), (255, 0, 0, 128)).save("red.png")
    assert main(["predict", "runs/run-cifar10-001", "gray.jpg", "red.png", "--top", "10"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == ["gray.jpg", "red.png"]
    for row in rows:
        probabilities = [float(value) for value in row[2::2]]
        assert len(probabilities) == 10
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1, abs=0.01)


def test_the_prediction_is_made_on_the_pixels_of_the_file(
    here: Path, cifar_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A test image written as a file is given the class that the evaluation gave it."""
    from mlp_numpy.data.sources import load_dataset
    from mlp_numpy.experiment import load_run

    assert main(["train", *FAST, "--data-dir", str(cifar_dir), "--name", "a"]) == 0
    capsys.readouterr()
    dataset = load_dataset("cifar10", cifar_dir).dataset
    trained = load_run(Path("runs/a"))[1]
    row = dataset.test.images[3]
    Image.fromarray(row.reshape(3, 32, 32).transpose(1, 2, 0)).save("three.png")
    p = trained.model.forward(trained.preprocessing.apply(row[None]))[0]
    main(["predict", "runs/a", "three.png", "--top", "1"])
    assert capsys.readouterr().out.split() == ["three.png", dataset.class_names[p.argmax()], f"{p.max():.3f}"]


@pytest.mark.parametrize(
    ("signals", "status"),
    [
        ([signal.SIGINT], 130),
        ([signal.SIGINT, signal.SIGINT, signal.SIGINT], 130),
        ([signal.SIGTERM], 143),
        ([signal.SIGHUP], 129),
    ],
    ids=str,
)
@pytest.mark.slow
def test_signals_save_what_was_reached(here: Path, cifar_dir: Path, signals: list[signal.Signals], status: int) -> None:
    process = start(*FAST, "--steps", "100000000", "--data-dir", str(cifar_dir), "--name", "broken-off")
    for line in process.stdout:
        if line.startswith("step     50"):
            for number in signals:
                process.send_signal(number)
            break
    out, err = process.communicate(timeout=60)
    assert process.returncode == status, err
    assert "interrupted after step" in out
    assert "Traceback" not in err
    history = History.read(here / "runs/broken-off/history.json")
    assert history.info.status == "interrupted"
    assert len(history.steps) == history.evaluations[-1].step >= 50
    assert (here / "plots/broken-off.png").exists()
    assert main(["predict", "runs/broken-off", "plots/broken-off.png"]) == 0


@pytest.mark.slow
def test_a_reader_that_leaves_ends_the_run_without_a_traceback(here: Path, cifar_dir: Path) -> None:
    process = start(*FAST, "--data-dir", str(cifar_dir), "--name", "head")
    while not process.stdout.readline().startswith("step"):
        continue
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 1
    assert err == ""
    assert (here / "runs/head/model.npz").exists()


@pytest.mark.slow
def test_without_a_standard_stream_it_trains_all_the_same(here: Path, cifar_dir: Path) -> None:
    command = [sys.executable, str(TRAIN_PY), *FAST, "--data-dir", str(cifar_dir), "--name"]
    processes = {
        closed: subprocess.Popen([*command, closed], preexec_fn=functools.partial(os.close, number))
        for closed, number in (("stdout", 1), ("stderr", 2))
    }
    assert {closed: process.wait(timeout=60) for closed, process in processes.items()} == {"stdout": 0, "stderr": 0}
    for closed in processes:
        assert (here / "runs" / closed / "model.npz").exists()


@pytest.mark.slow
def test_a_full_disk_leaves_no_half_file(here: Path, cifar_dir: Path) -> None:
    """A limit on the size of files makes the larger ones fail in the middle of their writing, as a full disk does."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    process = start(*FAST, "--data-dir", str(cifar_dir), "--name", "full", preexec_fn=limit)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the checkpoint could not be saved in runs/full: File too large." in err
    assert "Traceback" not in err
    left = sorted(path.name for path in (here / "runs/full").iterdir())
    assert left == ["config.yaml"]
    assert list((here / "plots").iterdir()) == []


@pytest.mark.slow
def test_a_terminal_gets_a_bar(here: Path, cifar_dir: Path) -> None:
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    process = subprocess.Popen(
        [sys.executable, str(TRAIN_PY), *FAST, "--data-dir", str(cifar_dir)],
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    out, _ = process.communicate(timeout=60)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert process.returncode == 0
    assert "25/25" in shown
    assert "test accuracy" in shown
    assert not any(line.startswith("step") for line in out.splitlines())


@pytest.mark.slow
def test_without_network_auto_warns_loudly_and_says_what_it_trained_on(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mlp_numpy.data.synthetic import shapes

    monkeypatch.setattr(shapes, "N_TRAIN", 60)
    monkeypatch.setattr(shapes, "N_TEST", 20)
    assert main(["train", *FAST]) == 0
    out, err = capsys.readouterr()
    assert "!!!!!!!!!!" in err
    assert "THIS IS NOT CIFAR-10" in err
    assert "data    shapes, 60 + 20 images" in out
    assert "on shapes" in out
    assert json.loads(Path("runs/run-shapes-001/history.json").read_text())["about"]["dataset"] == "shapes"
    assert main(["evaluate", "runs/run-shapes-001"]) == 0
    assert "on shapes" in capsys.readouterr().out


def test_cifar10_is_strict(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *FAST, "--dataset", "cifar10"]) == 1
    err = capsys.readouterr().err
    assert "--dataset shapes" in err
    assert "cifar-10-python.tar.gz" in err
    assert not (here / "runs").exists()


def test_divergence_has_its_own_exit_status(here: Path, cifar_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", *FAST, "--data-dir", str(cifar_dir), "--lr", "1e30", "--init", "kaiming"]
    assert main(words) == 3
    assert "the loss must be finite" in capsys.readouterr().err
    assert Path("runs/run-cifar10-001/model.npz").exists()


@pytest.mark.parametrize(
    ("words", "status", "meant"),
    [
        (["trian"], 2, "there is no command 'trian'. Did you mean 'train'?"),
        ([], 2, "usage: python -m mlp_numpy COMMAND"),
        (["train", "--dataset", "cifar"], 1, "unknown data set 'cifar'. Did you mean 'cifar10'?"),
        (["train", "--config", "none.yaml"], 1, "none.yaml is missing"),
        (["evaluate", "nowhere"], 1, "nowhere must be the folder of a run"),
        (["predict", "nowhere", "a.png"], 1, "nowhere must be the folder of a run"),
        (["predict", "nowhere"], 1, "expected at least one image file"),
        (["predict", "nowhere", "a.png", "--top", "0"], 1, "top must be ≥ 1"),
        (["gradcheck", "--inputs", "0"], 1, "MLP: n_inputs must be an integer ≥ 1, got 0"),
        (["gradcheck", "--seed", "-1"], 1, "seed must be ≥ 0"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    here: Path, words: list[str], status: int, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == status
    assert meant in capsys.readouterr().err


def test_pictures_that_are_none_are_named(here: Path, cifar_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", *FAST, "--data-dir", str(cifar_dir), "--name", "a"])
    Path("text.png").write_text("no picture")
    assert main(["predict", "runs/a", "none.png"]) == 1
    assert main(["predict", "runs/a", "text.png"]) == 1
    err = capsys.readouterr().err
    assert "there must be an image file none.png, found none" in err
    assert "text.png must be an image file that Pillow can read" in err


@pytest.mark.slow
def test_settings_from_a_file_and_over_it(here: Path, cifar_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = f"lr: 5e-3\nhidden: [6, 5]\nsteps: 9\ndata_dir: {cifar_dir}\nbatch: 20\ndownload: false\n"
    Path("s.yaml").write_text(settings)
    assert main(["train", "--config", "s.yaml", "--lr", "0.004", "--name", "b"]) == 0
    out = capsys.readouterr().out
    assert "MLP(3072, [6, 5], 10" in out
    assert "SGD(lr=0.004), batch 20, 9 steps" in out
    # the settings that a run leaves are such a file
    assert main(["train", "--config", "runs/b/config.yaml", "--name", "c"]) == 0
    one, other = (History.read(Path(f"runs/{name}/history.json")) for name in "bc")
    assert one.steps == other.steps
    Path("s.yaml").write_text("batchs: 3\n")
    assert main(["train", "--config", "s.yaml"]) == 1
    assert "s.yaml: unknown setting batchs. Did you mean 'batch'?" in capsys.readouterr().err
    Path("s.yaml").write_text("batch: 0\n")
    assert main(["train", "--config", "s.yaml"]) == 1
    assert "s.yaml: batch must be an integer ≥ 1, got 0" in capsys.readouterr().err
    # the second of two files counts, as far as it goes
    Path("s.yaml").write_text("lr: 1e-5\nsteps: 3\nname: d\n")
    assert main(["train", "--config", "runs/b/config.yaml", "--config", "s.yaml"]) == 0
    out = capsys.readouterr().out
    assert "SGD(lr=1e-05), batch 20, 3 steps" in out
    assert "MLP(3072, [6, 5], 10" in out

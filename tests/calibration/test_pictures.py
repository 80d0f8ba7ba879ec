"""A task of finding the picture: from a table or BIDS events to a decoder, and what is refused."""

import hashlib
from dataclasses import replace

import pytest
from pictures import COLOURS, draw
from recording_files import write_edf

from calibration.captions import caption_task, picture_folder
from calibration.cli import main
from core.decoding.storage.decoder_file import load_decoder
from core.errors import InputError

NAMES = ("shown/red.png", "shown/blue.png")


@pytest.fixture(scope="module")
def recording(imagery_recording):
    return imagery_recording(seed=3, trials=6)


@pytest.fixture
def table(tmp_path):
    """A table of pictures, and the pictures beside it."""
    for name in NAMES:
        draw(tmp_path / name, COLOURS[name.removeprefix("shown/")])
    path = tmp_path / "pictures.tsv"
    lines = ("event\tcaption", f"left_hand\t{NAMES[0]}", f"right_hand\t{NAMES[1]}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def command(recording, table, tmp_path):
    """The command line of a fit with pictures."""
    file = write_edf(
        tmp_path / "run.edf",
        recording.samples_uv,
        recording.labels,
        annotations=[(e.onset, e.duration, e.label) for e in recording.events],
    )
    return [
        *("fit", str(file), "--subject=01", "--head=riemann"),
        *("--event=left_hand=left_hand", "--event=right_hand=right_hand"),
        *(f"--caption={table}", "--image-encoder=untrained:0"),
        f"--out={tmp_path / 'pictures.safetensors'}",
    ]


@pytest.mark.slow
def test_the_command_fits_a_gallery_of_pictures(command, tmp_path, capsys):
    assert main(command) == 0, capsys.readouterr().err
    assert "Task picture (retrieval)" in capsys.readouterr().out
    readout = load_decoder(tmp_path / "pictures.safetensors").others[0]
    gallery = readout.head.gallery
    assert (readout.task, gallery.entries, gallery.encoder) == ("picture", NAMES, "untrained 0")
    digests = [hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in NAMES]
    assert list(gallery.pictures) == digests
    assert readout.card.score > readout.card.chance


def refused(command, capsys, *more):
    assert main([*command, *more]) == 2
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1, said
    return said


@pytest.mark.slow
def test_a_gallery_with_a_missing_picture_is_refused(command, tmp_path, capsys):
    (tmp_path / NAMES[1]).unlink()
    assert f"The picture {NAMES[1]} of the gallery is not in" in refused(command, capsys)
    assert not (tmp_path / "pictures.safetensors").exists()


def test_a_damaged_picture_is_refused(command, tmp_path, capsys):
    (tmp_path / NAMES[1]).write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "is no picture, or is damaged" in refused(command, capsys)


def test_an_image_encoder_without_its_weights_is_refused(command, tmp_path, capsys):
    (tmp_path / "weights.pth").write_bytes(b"\x80\x04.")
    more = f"--image-encoder=timm:resnet18:{tmp_path / 'weights.pth'}"
    assert "may be pickles" in refused(command, capsys, more)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--text-encoder=vectors.safetensors",), "Both --text-encoder and --image-encoder"),
        (("--pictures=nowhere",), "there is no folder nowhere"),
    ],
)
def test_options_that_contradict_each_other_are_refused(command, capsys, more, words):
    assert words in refused(command, capsys, *more)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--image-encoder=untrained:0",), "add --caption TABLE"),
        (("--pictures=.",), "add --image-encoder"),
    ],
)
def test_options_of_pictures_without_pictures_are_refused(capsys, more, words):
    assert words in refused(["fit", "none.edf", "--subject=01"], capsys, *more)


def test_pictures_of_bids_events_lie_in_the_stimuli_of_the_data_set(recording, tmp_path):
    folder = tmp_path / "sub-01" / "eeg"
    folder.mkdir(parents=True)
    (tmp_path / "dataset_description.json").write_text("{}")
    name = "sub-01_task-faces"
    lines = ["onset\tduration\tstim_file"]
    lines += [f"{4.0 * n}\t1.0\t{NAMES[n % 2]}" for n in range(6)]
    (folder / f"{name}_events.tsv").write_text("\n".join(lines) + "\n")
    shown = replace(recording, path=folder / f"{name}_eeg.edf")
    task, changed = caption_task("events", [shown], pictures=True)
    assert (task.name, dict(task.meanings)) == ("picture", {name: name for name in NAMES})
    assert sum(event.label in NAMES for event in changed[0].events) == 6
    assert picture_folder("events", [shown]) == tmp_path / "stimuli"
    with pytest.raises(InputError, match='no column "stim_file"'):
        caption_task("events", [recording], pictures=True)

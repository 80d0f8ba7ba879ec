"""core.recordings.known_files: what the program learned from is known in whatever format."""

from dataclasses import replace

import numpy as np
import pytest

from core.encoders import load_spec
from core.encoders.defaults import BUNDLED
from core.encoders.spec import LABELLED
from core.errors import InputError
from core.recordings import read_recording
from core.recordings.known_files import files_of, known_files, same_files, save_known_files


def test_all_that_the_program_learned_from_is_known():
    from core.fitting.transfer.prior_file import population

    known = known_files()
    assert set(population().recordings.values()) <= set(known)
    for name in BUNDLED:
        labelled = load_spec(name).provenance.get(LABELLED, "").split()
        assert set(labelled) <= {sha256[:16] for sha256 in known}
    assert {len(marks) for marks in known.values()} == {512}


def test_another_file_of_the_same_samples_is_known_by_its_fingerprint(make_recording):
    own = make_recording(6000, 160.0, ("FC3", "FC4", "C3", "CZ", "C4", "PZ"))
    kept = {"first": own.fingerprint, "second": make_recording(6000, 160.0, seed=1).fingerprint}
    part = replace(own, samples_uv=own.samples_uv[:4000] * np.float32(0.5), sha256="part")
    assert files_of(part) == {"part"}
    assert files_of(part, kept) == {"part", "first"}
    assert files_of(replace(part, sha256="first"), kept) == {"first"}
    assert same_files({"part": part.fingerprint, "none": ()}, kept) == {"part", "none", "first"}
    assert not files_of(replace(part, sha256=""), kept)  # it is being recorded


def test_a_list_that_is_there_is_not_replaced_unasked(tmp_path):
    files = {"a" * 64: (1, 2, 3)}
    path = save_known_files(files, tmp_path / "list.safetensors")
    with pytest.raises(InputError, match="exists already"):
        save_known_files(files, path)


@pytest.mark.data
@pytest.mark.slow
def test_a_recording_of_the_population_is_known_in_part_and_with_fewer_channels(recordings_folder):
    own = read_recording(recordings_folder / "eegmmidb" / "S001" / "S001R04.edf")
    motor = [own.labels.index(name) for name in ("C3..", "C4..", "Cz..", "Pz..")]
    half = own.samples_uv[: len(own.samples_uv) // 2, motor]
    labels = tuple(own.labels[index] for index in motor)
    copy = replace(own, samples_uv=half, labels=labels, sha256="copy")
    assert files_of(copy) == {"copy", own.sha256}
    other = read_recording(recordings_folder / "eegmmidb" / "S001" / "S001R12.edf")
    assert files_of(replace(other, sha256="other")) == {"other"}

"""What every source finds, reads, and refuses."""

import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
from recording_files import noise, write_edf
from scipy.io import savemat

from core.errors import InputError
from core.recordings import Event
from simulation.synthetic import session
from training.sources.catalogue import SOURCES, find_parts, measure, read_part, same
from training.sources.reading import M3CV_CHANNELS, SEED_CHANNELS


def read_all(parts):
    return [pair for part in parts for pair in read_part(part)]


def labels_of(recording):
    return [event.label for event in recording.events]


@pytest.fixture
def edf(recordings_folder):
    """A short real EDF file."""
    return recordings_folder / "eegmmidb" / "S001" / "S001R01.edf"


def put(edf, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(edf, path)
    return path


@pytest.mark.data
def test_physionet_folder_is_recognised_and_its_runs_have_names(recordings_folder):
    folder = recordings_folder / "eegmmidb"
    parts = find_parts([str(folder)])
    assert len(parts) == 62
    assert {part.kind for part in parts} == {"physionet-mi"}
    assert len({part.identity.subject for part in parts}) == 11
    runs = {}
    for identity, recording in read_all(find_parts([str(folder)], ["1"], ["1", "04", "5", "14"])):
        assert identity.subject == "S001"
        runs[identity.run] = set(labels_of(recording)) - {"T0"}
    assert runs == {
        "1": {"eyes_open"},
        "4": {"rest", "left_hand", "right_hand"},
        "5": {"rest", "hands_movement", "feet_movement"},
        "14": {"rest", "hands", "feet"},
    }


@pytest.mark.data
def test_runs_come_in_the_order_in_which_people_count(recordings_folder, edf, tmp_path):
    parts = find_parts([str(recordings_folder / "eegmmidb")], ["S001"], ["12", "8", "4"])
    assert [part.identity.run for part in parts] == ["4", "8", "12"]
    for name in ("part10", "part9", "b", "part9-2"):
        put(edf, tmp_path / "study" / "anna" / f"{name}.edf")
    runs = [part.identity.run for part in find_parts([f"files:{tmp_path / 'study'}"])]
    assert runs == ["b", "part9", "part9-2", "part10"]


@pytest.mark.data
def test_a_single_file_is_what_its_name_says(edf, tmp_path):
    (part,) = find_parts([str(edf)])
    assert (part.kind, part.identity.subject, part.identity.run) == ("physionet-mi", "S001", "1")
    assert measure(part, ("C3", "C4", "A1")) == (61.0, 2)
    (other,) = find_parts([str(put(edf, tmp_path / "evening.edf"))])
    assert (other.kind, other.identity.subject) == ("files", "evening")


@pytest.mark.data
def test_folders_of_files_are_people(edf, tmp_path):
    for name in ("anna/one.edf", "anna/late/two.edf", "ben.edf"):
        put(edf, tmp_path / "lab" / name)
    with pytest.raises(InputError, match=r"none of the data sets that are known; say .* files:"):
        find_parts([str(tmp_path / "lab")])
    parts = find_parts([f"files:{tmp_path / 'lab'}"])
    assert {(p.identity.source, p.identity.subject, p.identity.run) for p in parts} == {
        ("files-lab", "anna", "one"),
        ("files-lab", "anna", "late-two"),
        ("files-lab", "ben", ""),
    }
    assert len(find_parts([f"files:{tmp_path / 'lab'}"], runs=["one"])) == 2  # ben has no runs


def test_bids_events_win_and_bad_channels_are_left_out(tmp_path, brainvision):
    root = tmp_path / "study"
    recording = session(trials_per_class=1, labels=("C3", "Cz", "C4"))
    base = root / "sub-07" / "ses-b" / "eeg" / "sub-07_ses-b_task-imagery_run-02"
    path = brainvision(base.with_name(base.name + "_eeg.vhdr"), recording)
    (root / "dataset_description.json").write_text("{}")
    base.with_name(base.name + "_events.tsv").write_text(
        "onset\tduration\ttrial_type\n5.5\t4\tright_hand\n1.0\tn/a\tleft_hand\n", "utf-8"
    )
    base.with_name(base.name + "_channels.tsv").write_text(
        "name\ttype\tunits\tstatus\nC3\tEEG\tµV\tgood\nCz\tEEG\tµV\tbad\nC4\tEEG\tµV\tgood\n",
        "utf-8",
    )
    # The same trials once more, as other programs leave them: no further run.
    for folder in ("derivatives/clean", "sourcedata"):
        shutil.copytree(root / "sub-07", root / folder / "sub-07")
    (part,) = find_parts([str(root)], subjects=["sub-7"])
    ((identity, found),) = read_part(part)
    assert (identity.source, identity.subject, identity.session) == ("bids-study", "07", "b")
    assert identity.run == "imagery-02"
    assert found.labels == ("C3", "", "C4")
    assert found.events == (Event(1.0, 0.0, "left_hand"), Event(5.5, 4.0, "right_hand"))
    assert found.path == path
    np.testing.assert_array_equal(found.samples_uv, recording.samples_uv)


def test_a_unit_that_is_given_is_that_of_bids_files_that_do_not_say_it(tmp_path):
    folder = tmp_path / "study" / "sub-07" / "eeg"
    folder.mkdir(parents=True)
    (tmp_path / "study" / "dataset_description.json").write_text("{}")
    write_edf(folder / "sub-07_task-imagery_eeg.edf", noise(2500), units="")
    (part,) = find_parts([str(tmp_path / "study")])
    with pytest.raises(InputError, match="without a unit"):
        list(read_part(part))
    ((_, recording),) = read_part(part, "mV")
    assert recording.samples_uv.std() == pytest.approx(20e3, rel=0.05)


@pytest.mark.data
def test_sleep_has_its_derivations_and_stages(edf, tmp_path):
    psg = put(edf, tmp_path / "SC4012E0-PSG.edf")
    content = bytearray(psg.read_bytes())
    content[256:288] = b"EEG Fpz-Cz".ljust(16) + b"EEG Pz-Oz".ljust(16)
    psg.write_bytes(content)
    with pytest.raises(InputError, match="0 hypnograms"):
        read_all(find_parts([f"sleep-edfx:{tmp_path}"]))
    put(edf.with_name("S001R04.edf"), tmp_path / "SC4012EC-Hypnogram.edf")
    (part,) = find_parts([str(tmp_path)])
    ((identity, found),) = read_part(part)
    assert (identity.subject, identity.session) == ("SC401", "2")
    assert found.labels[:2] == ("FPZ", "PZ")
    assert len(found.events) == 30  # of the file that stands for the hypnogram


@pytest.mark.data
def test_tuh_corpora_have_their_labels(edf, tmp_path):
    put(edf, tmp_path / "tuab/edf/train/abnormal/01_tcp_ar/aaaaaaaq_s004_t000.edf")
    put(edf, tmp_path / "tuab/edf/eval/normal/01_tcp_ar/aaaaabcd_s001_t001.edf")
    found = read_all(find_parts([str(tmp_path / "tuab")]))
    assert {(i.source, i.subject, i.session, i.run, labels_of(r)[0]) for i, r in found} == {
        ("tuab", "aaaaaaaq", "s004", "t000", "abnormal"),
        ("tuab", "aaaaabcd", "s001", "t001", "normal"),
    }
    path = put(edf, tmp_path / "tuev/edf/train/aaaaaaar/aaaaaaar_00000001.edf")
    path.with_suffix(".rec").write_text("3,10.0,11.0,6\n4,10.0,11.0,6\n3,2.5,3.5,1\n")
    ((identity, recording),) = read_all(find_parts([str(tmp_path / "tuev")]))
    assert (identity.source, identity.subject) == ("tuev", "aaaaaaar")
    assert recording.events == (Event(2.5, 1.0, "spsw"), Event(10.0, 1.0, "bckg"))
    path.with_suffix(".rec").write_text("3,10.0,11.0,9\n")
    with pytest.raises(InputError, match=r"aaaaaaar_00000001.rec is no list of TUEV events"):
        read_all(find_parts([str(tmp_path / "tuev")]))


def test_seed_films_are_whole_and_at_their_own_rate(tmp_path, random):
    films = {f"djc_eeg{n}": random.normal(0, 20, (62, 2000 + n)) for n in (1, 2, 10)}
    savemat(tmp_path / "1_20131027.mat", films)
    found = read_all(find_parts([str(tmp_path)]))
    assert [(i.subject, i.session, i.run) for i, _ in found] == [
        ("1", "20131027", run) for run in ("1", "2", "10")
    ]
    recording = found[2][1]
    assert (recording.rate, recording.labels) == (200.0, SEED_CHANNELS)
    np.testing.assert_array_equal(
        recording.samples_uv, films["djc_eeg10"].T.astype(np.float32)
    )  # 10.05 s at 200 Hz, not stretched


def test_kaggle_ern_sessions_keep_their_feedback(tmp_path):
    header = "Time,Fp1,C3,EOG,FeedBackEvent"
    table = np.column_stack([np.arange(600) / 200, *np.ones((3, 600)), np.arange(600) == 250])
    path = tmp_path / "Data_S02_Sess05.csv"
    np.savetxt(path, table, fmt="%g", delimiter=",", header=header, comments="")
    ((identity, recording),) = read_all(find_parts([str(tmp_path)]))
    assert (identity.subject, identity.session) == ("S02", "05")
    assert (recording.rate, recording.labels) == (200.0, ("Fp1", "C3", "EOG"))
    assert recording.events == (Event(1.25, 0.0, "feedback"),)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="no KaggleERN session"):
        read_all(find_parts([str(tmp_path)]))


def test_m3cv_epochs_of_a_session_are_one_part(tmp_path, random):
    (tmp_path / "Enrollment").mkdir()
    rows = ["EpochID,SubjectID,Session,Condition"]
    for n, subject in enumerate(("sub001", "sub002", "sub001")):
        rows.append(f"epoch{n:06d},{subject},ses1,task{n}")
        epoch = random.normal(0, 20, (65, 1000))
        savemat(tmp_path / "Enrollment" / f"epoch{n:06d}.mat", {"epoch_data": epoch})
    (tmp_path / "Enrollment_Info.csv").write_text("\n".join(rows))
    parts = find_parts([f"m3cv:{tmp_path}"])
    assert sorted((p.identity.subject, len(p.files)) for p in parts) == [
        ("sub001", 2),
        ("sub002", 1),
    ]
    found = read_all(find_parts([f"m3cv:{tmp_path}"], subjects=["1"]))
    assert [(i.run, labels_of(r)) for i, r in found] == [
        ("epoch000000", ["task0"]),
        ("epoch000002", ["task2"]),
    ]
    assert found[0][1].labels == M3CV_CHANNELS


def test_moabb_data_sets_by_name():
    pytest.importorskip("moabb")
    parts = find_parts(["moabb:FakeDataset"], subjects=["2"], runs=["1"])
    found = read_all(parts)
    assert [(i.source, i.subject, i.session, i.run) for i, _ in found] == [
        ("moabb-FakeDataset", "2", session, "1") for session in "01"
    ]
    recording = found[0][1]
    assert (recording.rate, recording.labels) == (128.0, ("C3", "Cz", "C4"))
    assert set(labels_of(recording)) == {"fake1", "fake2", "fake3"}
    assert 15 < recording.samples_uv.std() < 25  # µV
    with pytest.raises(InputError, match='MOABB has no data set "BNCI9999"'):
        find_parts(["moabb:BNCI9999"])


def test_without_moabb_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "moabb", None)
    with pytest.raises(InputError, match=r"needs MOABB; install it with pip install"):
        find_parts(["moabb:BNCI2014_001"])


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["nothing/here"], "There is no file or folder nothing/here"),
        (["seed:{empty}"], "no recording for seed, which expects the folder Preprocessed_EEG"),
        (["{empty}"], "looks like none of the data sets"),
    ],
)
def test_sources_that_are_not_there(tmp_path, texts, said):
    with pytest.raises(InputError, match=said):
        find_parts([text.format(empty=tmp_path) for text in texts])


@pytest.mark.data
def test_wrong_subjects_runs_and_repeats_are_refused(recordings_folder, edf):
    folder = str(recordings_folder / "eegmmidb")
    with pytest.raises(InputError, match=r"no subject 99; they have S001, S002"):
        find_parts([folder], ["S001", "99"])
    with pytest.raises(InputError, match="no run 15; they have 1, 2, 3"):
        find_parts([folder], runs=["15"])
    with pytest.raises(InputError, match="no run 1; they have 3, 4"):
        find_parts([folder], ["2"], ["1"])
    with pytest.raises(InputError, match="are both physionet-mi S001 1"):
        find_parts([folder, str(edf)])


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("S001", "1", True),
        ("sub-07", "7", True),
        ("04", "4", True),
        ("R04", "4", True),
        ("10", "1", False),
        ("anna", "anna", True),
        ("S1a", "1", False),
        ("0", "0", True),
    ],
)
def test_labels_that_mean_the_same(one, other, alike):
    assert same(one, other) is alike


def test_keys_do_not_depend_on_where_the_data_lie(tmp_path, brainvision):
    recording = session(trials_per_class=1, labels=("C3", "C4"))
    paths = [tmp_path / place / "lab" / "anna" / "one.vhdr" for place in ("here", "there")]
    for path in paths:
        brainvision(path, recording)
    keys = [find_parts([f"files:{path.parents[1]}"])[0].key for path in paths]
    assert keys[0] == keys[1]
    part = find_parts([f"files:{paths[0].parents[1]}"])[0]
    assert replace(part, runs=("1",)).key != part.key


def test_every_source_says_what_it_expects_and_where_it_is():
    for source in SOURCES.values():
        assert source.expects
        assert source.where
        assert bool(source.pattern) != (source.find is not None)


@pytest.mark.slow
@pytest.mark.data
def test_a_stream_of_an_xdf_file_is_chosen_by_its_name(recordings_folder):
    path = recordings_folder / "formats" / "switch_example.xdf"
    (part,) = find_parts([f"files:{path}"])
    ((_, recording),) = read_part(replace(part, stream="g.USBamp-1"))
    assert len(recording.labels) == 16
    with pytest.raises(InputError, match=r'no stream "g\.USBamp1".* Did you mean "g\.USBamp-1"'):
        list(read_part(replace(part, stream="g.USBamp1")))
    assert part.key != replace(part, stream="g.USBamp-1").key

"""Tables of BIDS data sets as people have them."""

import numpy as np
import pytest
from recording_files import noise, write_edf

from core.errors import InputError
from core.recordings import Event, Span, read_recording, with_events_of_table
from core.recordings.bids import read_table

HEAD = "onset\tduration\ttrial_type\tvalue\n"


@pytest.fixture
def beside(tmp_path):
    """Write a recording, with annotations, and a table beside it."""

    def write(content, kind="events", encoding="utf-8", annotations=((1, 0, "start"),)):
        path = tmp_path / "sub-01_task-mi_eeg.edf"
        write_edf(path, noise(5000), annotations=annotations)
        table = tmp_path / f"sub-01_task-mi_{kind}.tsv"
        table.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


def events_of(path):
    return with_events_of_table(read_recording(path)).events


@pytest.mark.parametrize("nothing", ["nan", "NaN", "n/a", "", "inf"])
def test_events_without_an_onset_are_left_out_and_that_is_said(beside, nothing):
    path = beside(f"{HEAD}{nothing}\t4\tleft_hand\t1\n9\tn/a\tright_hand\t2\n")
    recording = with_events_of_table(read_recording(path))
    assert recording.events == (Event(9.0, 0.0, "right_hand"),)
    said = "Events of sub-01_task-mi_events.tsv without an onset were left out: 1."
    assert said in recording.notes


@pytest.mark.parametrize(
    ("encoding", "end"),
    [("utf-8", "\n"), ("latin-1", "\r\n"), ("utf-8-sig", "\r\n"), ("utf-16", "\r")],
)
def test_encodings_and_line_ends_do_not_matter(beside, encoding, end):
    rows = f"{HEAD}5\t4\tgähnen\t1\n\n9\t4\tfeet\t2".replace("\n", end)
    assert [event.label for event in events_of(beside(rows, encoding=encoding))] == [
        "gähnen",
        "feet",
    ]


def test_a_value_stands_in_for_a_missing_trial_type(beside):
    path = beside(f"{HEAD}5\t4\tn/a\t1\n7\t4\t\t2.0\n8\t4\tfeet\t3\n9\t4\tn/a\tn/a\n")
    assert [event.label for event in events_of(path)] == ["1", "2", "feet", "event"]
    assert [e.label for e in events_of(beside("onset\tduration\tvalue\n5\t4\t769\n"))] == ["769"]


def test_quotation_marks_belong_to_a_label_unless_they_enclose_it(beside):
    labels = ['say "left', '"left', "right_hand", 'end"', '"left hand"', '"say ""x"""', '"']
    rows = "".join(f"{2 * n}\t1\t{label}\t1\n" for n, label in enumerate(labels))
    read = [event.label for event in events_of(beside(HEAD + rows))]
    assert read == [*labels[:4], "left hand", 'say "x"', '"']


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("start\tduration\n5\t4\n", 'has no column "onset" (found: start, duration)'),
        ("onset,duration\n5,4\n", 'has no column "onset"'),
        (f"{HEAD}5\t4\ta\t1\n5,5\t4\ta\t1\n", 'has "5,5" in the column "onset" of line 3'),
        (f"{HEAD}5\tlong\ta\t1\n", 'has "long" in the column "duration" of line 2'),
    ],
)
def test_tables_that_cannot_be_read_are_refused_in_a_sentence(beside, content, said):
    path = beside(content)
    recording = read_recording(path)  # has events of its own
    assert said in recording.notes[0]
    with pytest.raises(InputError) as refused:
        with_events_of_table(recording)
    assert said in str(refused.value)


def test_a_table_without_labels_says_so(beside):
    recording = with_events_of_table(read_recording(beside("onset\n5\n")))
    assert recording.events == (Event(5.0, 0.0, "event"),)
    assert 'no column "trial_type" or "value"' in recording.notes[-1]


@pytest.mark.parametrize("content", ["", "\ufeff", "\n\n"])
def test_an_empty_table_counts_as_absent(beside, content):
    assert [event.label for event in events_of(beside(content))] == ["start"]


def test_rows_that_end_early_lack_what_is_missing(beside):
    assert events_of(beside(f"{HEAD}5\n6\t2\n")) == (Event(5, 0, "event"), Event(6, 2, "event"))


def test_rows_are_marked_doubled_and_ordered_as_annotations_are(beside):
    path = beside(f"{HEAD}9\t4\tfeet\t1\n5\t2\tBAD_move\t1\n-1\t4\tfeet\t1\n9\t4\tfeet\t2\n")
    recording = with_events_of_table(read_recording(path))
    assert recording.events == (Event(-1.0, 4.0, "feet"), Event(9.0, 4.0, "feet"))
    assert recording.bad_spans == (Span(5.0, 2.0, "BAD_move"),)
    assert recording.looked_in == ("sub-01_task-mi_events.tsv",)


def test_a_recording_gets_the_events_of_its_table_under_names_that_it_does_not_have(beside):
    path = beside(f"{HEAD}5\t4\tleft_hand\t1\n7\t4\tT1\t1\n", annotations=((5, 4, "T1"),))
    recording = read_recording(path)
    assert recording.events == (Event(5.0, 4.0, "T1"), Event(5.0, 4.0, "left_hand"))
    assert recording.looked_in == ("the annotations", "sub-01_task-mi_events.tsv")


def test_bad_channels_of_a_table_in_latin_1_are_marked(beside):
    rows = "name\tunits\tstatus\nC3\tµV\tBad\nC4\tµV\tgood\nCz\tµV\tbad\n"
    recording = read_recording(beside(rows, "channels", "latin-1"))
    assert recording.bad_channels == ("C3",)
    assert "Channels marked as bad are not used: C3." in recording.notes
    assert not np.isnan(recording.samples_uv).any()


def test_bad_channels_are_known_by_their_electrode(beside):
    rows = "name\tstatus\nEEG c3-M2\tbad\nC4\tgood\n"
    assert read_recording(beside(rows, "channels")).bad_channels == ("C3",)


def test_a_table_keeps_its_text_as_it_is(tmp_path):
    (tmp_path / "a.tsv").write_text(" Name \tb\n x\ty z \n", encoding="utf-8")
    table = read_table(tmp_path / "a.tsv")
    assert (table.columns, table.rows) == (("name", "b"), ({"name": "x", "b": "y z"},))

"""Recordings of published data sets are read in whatever encoding they are."""

from recording_files import noise, write_edf

from training.sources.reading import read_header


def test_the_header_of_a_file_with_annotations_in_latin_1_is_read(tmp_path):
    path = write_edf(
        tmp_path / "a.edf", noise(5000), annotations=[(2, None, "gähnen")], encoding="latin-1"
    )
    assert read_header(path) == (20.0, ("C3", "C4"))

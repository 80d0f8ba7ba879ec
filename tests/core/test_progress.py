import sys

from core.progress import progress


def test_nothing_is_drawn_where_nobody_reads_a_terminal(capfd):
    items = [1, 2, 3]
    assert progress(items, "Working") is items
    assert capfd.readouterr().err == ""


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setattr("core.progress._LEAST", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert list(progress([1, 2, 3], "Working")) == [1, 2, 3]
    assert "Working" in capsys.readouterr().err


def test_one_item_needs_no_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert list(progress([1], "Working")) == [1]
    assert capsys.readouterr().err == ""

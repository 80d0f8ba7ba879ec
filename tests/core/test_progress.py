import sys
import threading

from core.progress import progress, told


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


def test_who_is_told_shows_it_and_the_terminal_does_not(monkeypatch, capsys):
    monkeypatch.setattr("core.progress._LEAST", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    heard = []
    with told(lambda *news: heard.append(news)):
        assert list(progress([1, 2], "Working")) == [1, 2]
    assert heard == [("Working", 0, 2), ("Working", 1, 2), ("Working", 2, 2)]
    assert capsys.readouterr().err == ""


def test_another_thread_is_told_nothing():
    heard, counted = [], []
    with told(lambda *news: heard.append(news)):
        thread = threading.Thread(target=lambda: counted.extend(progress([1, 2], "Working")))
        thread.start()
        thread.join()
    assert counted == [1, 2]
    assert heard == []

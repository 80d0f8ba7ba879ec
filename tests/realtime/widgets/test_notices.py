from dataclasses import replace

from core.stream.reconnecting_feed import Offer
from realtime.widgets.notices import NoticeBar
from realtime.widgets.panels import status_cells

SPARE = Offer("uid-2", 'Another sender offers a stream "EEG" with source_id "b" instead of "a".')


def bar(qtbot):
    made = NoticeBar()
    qtbot.addWidget(made)
    return made


def test_it_is_there_only_when_there_is_something_to_say(make_view, qtbot):
    notices, state = bar(qtbot), make_view().state
    notices.show_snapshot(state)
    assert notices.isHidden()
    notices.show_snapshot(replace(state, warnings=("The stream says 250 Hz and sends 252 Hz.",)))
    assert not notices.isHidden()
    assert notices.take.isHidden()
    assert "sends 252 Hz" in notices.words.text()


def test_an_offer_is_taken_by_a_click(make_view, qtbot):
    notices, state = bar(qtbot), replace(make_view().state, offers=(SPARE,))
    notices.show_snapshot(state)
    assert "Is it the one that was lost?" in notices.words.text()
    with qtbot.waitSignal(notices.accepted) as asked:
        notices.take.click()
    assert asked.args == ["uid-2"]


def test_an_offer_that_was_declined_is_not_made_again(make_view, qtbot):
    notices, state = bar(qtbot), replace(make_view().state, offers=(SPARE,))
    notices.show_snapshot(state)
    notices.decline.click()
    notices.show_snapshot(state)
    assert notices.isHidden()
    notices.show_snapshot(replace(state, offers=(SPARE, replace(SPARE, uid="uid-3"))))
    assert not notices.isHidden()


def test_markup_of_a_sender_is_shown_as_text(make_view, qtbot):
    notices = bar(qtbot)
    evil = replace(SPARE, words="<img src=x>\x07 with source_id")
    notices.show_snapshot(replace(make_view().state, offers=(evil,)))
    assert notices.words.text().startswith("<img src=x> with")


def test_drift_and_dropped_decisions_are_on_the_status_line(make_view):
    state = make_view().state
    stream = replace(state.stream, drift_s_per_hour=1.84, dropped_decisions=3)
    cells = {cell.caption: cell for cell in status_cells(replace(state, stream=stream))}
    assert cells["Rate"].detail == "nominal 160 Hz, gains 1.8 s/h"
    assert cells["Lost"].detail == "samples, 3 decisions"
    assert cells["Rate"].warn
    assert cells["Lost"].warn


def test_the_window_hands_the_answer_to_the_engine(make_view, qtbot):
    from realtime.window import MainWindow

    view = make_view()
    view.change(offers=(SPARE,), status="lost", message="The stream was lost.")
    window = MainWindow(view)
    qtbot.addWidget(window)
    window.notices.take.click()
    assert view.accepted == ["uid-2"]

"""Every control of a session's windows explains itself."""

from tooltips import without_tips

from calibration.screens.operator.end import EndWindow
from calibration.screens.operator.window import OperatorWindow
from calibration.screens.person.cue import Scene
from calibration.screens.setup.channels import ChannelTable
from calibration.screens.setup.check import CheckPanel
from calibration.session.setup_state import channel_rows


def test_every_control_of_a_sessions_windows_says_what_it_does(make_session, qtbot):
    session = make_session()
    windows = [
        OperatorWindow(session, Scene),
        EndWindow("Done", "83 % of new trials.", True),
        CheckPanel(lambda seconds: None),
        ChannelTable(),
    ]
    for window in windows:
        qtbot.addWidget(window)
    assert [without_tips(window) for window in windows] == [[]] * len(windows)
    session.phase("done")


def test_the_table_of_channels_writes_names_as_people_do(qtbot):
    table = ChannelTable()
    qtbot.addWidget(table)
    known = ("FC5", "FZ", "T7", "CPZ")
    rows, _ = channel_rows(("Fc5.", "FZ", "T3", "EOG"), ("uV",) * 4, known)
    table.show_rows(rows, ("CPZ",))
    shown = [[table.table.item(row, column).text() for column in (0, 1)] for row in range(4)]
    assert shown == [["FC5", "FC5"], ["Fz", "Fz"], ["T3", "T7"], ["EOG", "–"]]
    assert table.table.item(0, 0).toolTip() == "Sent as Fc5."
    assert table.missing.text().endswith("missing: CPz")

"""Tasks by name: this program's own, and those of other packages."""

from importlib.metadata import EntryPoint

import pytest

from core.errors import InputError
from realtime.cli import main
from realtime.tasks import registry
from realtime.tasks.registry import available_tasks, load_task, task_title


@pytest.fixture(autouse=True)
def _looked_up_anew():
    available_tasks.cache_clear()
    yield
    available_tasks.cache_clear()


def test_every_task_of_the_program_has_a_title_instructions_and_targets():
    assert tuple(available_tasks())[:3] == ("graz-bar", "cursor", "game")
    for name in ("graz-bar", "cursor", "game"):
        task = load_task(name, ("left_hand", "right_hand", "feet"))
        assert task.title == task_title(name)
        assert task.instructions
        assert task.targets == ("left_hand", "right_hand", "feet")


def test_packages_offer_tasks_and_take_no_name_from_the_program(monkeypatch):
    entries = [
        EntryPoint("game", "json:JSONDecoder", registry.GROUP),
        EntryPoint("mine", "json:JSONDecoder", registry.GROUP),
        EntryPoint("gone", "no_such_package:Task", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)
    tasks = available_tasks()
    assert tasks["game"].value.startswith("realtime.tasks.")
    assert task_title("mine") == "mine"
    with pytest.raises(InputError, match=r"json:JSONDecoder is not a .*FeedbackTask"):
        load_task("mine", ("a", "b"))
    with pytest.raises(InputError, match="task gone cannot be used: ModuleNotFoundError"):
        load_task("gone", ("a", "b"))


def test_a_name_that_no_task_has_is_refused_with_those_that_there_are(capsys):
    assert main(["--demo", "--task", "pong"]) == 2
    assert "there are: graz-bar, cursor, game" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--task", "game", "--headless"], "leave out --headless"),
        (["--task", "game", "--file", "x.edf"], "--file"),
        (["--trials", "0"], "--trials is 0"),
        (["--trials", "3", "--headless"], "--trials is for a --task"),
    ],
)
def test_a_task_needs_a_window_and_trials(flags, words, capsys):
    assert main(["--stream", "EEG", *flags]) == 2
    assert words in capsys.readouterr().err

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from process_trees import run_script

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks" / "faults"


def fuzz(cases, kinds):
    given = ("--cases", cases, "--kinds", kinds, "--seed", "5", "--json")
    return run_script(BENCHMARKS / "fuzz.py", *given)


def test_spoiled_files_end_in_a_sentence_and_touch_nothing():
    done = fuzz("900", "decoder,prior,encoder,checkpoint,settings,description")
    result = json.loads(done.stdout)
    assert result["findings"] == [], done.stderr
    assert done.returncode == 0
    counts = result["counts"]
    for kind in ("decoder", "prior", "encoder", "checkpoint", "settings", "description"):
        assert counts[f"{kind} refused"] + counts[f"{kind} accepted"] == 150
        # Neither refuses everything nor lets everything pass: the spoiling gets past the doors.
        assert counts[f"{kind} refused"] > 20
        assert counts[f"{kind} accepted"] > 2
    assert len(result["ways"]) > 50


def test_spoiled_recordings_of_all_formats_end_in_a_sentence_or_are_read():
    done = fuzz("180", "recordings")
    result = json.loads(done.stdout)
    assert result["findings"] == [], done.stderr
    for kind in ("edf", "bdf", "gdf", "brainvision", "eeglab", "fif", "xdf", "cnt", "text"):
        counts = [result["counts"].get(f"{kind} {end}", 0) for end in ("refused", "accepted")]
        assert sum(counts) == 20
        assert min(counts) > 0


def test_the_watch_sees_what_happens_outside(tmp_path):
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom fuzz import Watch\n"
        "inside, outside = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "watch = Watch(inside)\nwatch.on = True\n"
        "(inside / 'a').write_text('')\nPath(os.devnull).read_bytes()\nassert not watch.seen\n"
        "(outside / 'b').write_text('')\nos.mkdir(outside / 'c')\nos.system('true')\n"
        "assert [seen.split()[0] for seen in watch.seen] == ['open', 'os.mkdir', 'os.system']\n"
    )
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    subprocess.run(
        [sys.executable, "-c", code, inside, outside],
        check=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(BENCHMARKS)},
    )

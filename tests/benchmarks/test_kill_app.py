import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from process_trees import run_script

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks" / "faults"


def test_killed_programs_leave_whole_files_and_start_again():
    kills = "--live 2 --fit 0 --demo 0 --session 1 --record 1".split()
    done = run_script(BENCHMARKS / "kill_app.py", "--json", *kills)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["program"] for row in rows] == ["live", "live", "session", "record"]
    assert rows[1]["kept"] >= 1  # lines of the log of the one that was started again


def test_what_a_kill_must_not_leave_is_seen(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom kill_app import look\n"
        "print('\\n'.join(look(Path(sys.argv[1]))))\n"
    )
    kept = tmp_path / "home" / "decoders"
    kept.mkdir(parents=True)
    (kept / "half.safetensors").write_bytes(b"\x08\x00\x00")
    (kept / "half.json").write_text("{")
    (kept / ".half.safetensors.123.part").write_bytes(b"\x08")
    (kept / ".forgotten").write_bytes(b"")
    (tmp_path / "good.jsonl").write_text('{"a": 1}\n{"a":')
    (tmp_path / "bad.jsonl").write_text('{"a"\n{"a": 1}\n')
    said = subprocess.run(
        [sys.executable, "-c", code, tmp_path],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(BENCHMARKS)},
    ).stdout
    assert "half.safetensors" in said
    assert "half.json" in said
    assert ".forgotten is left over" in said
    assert "bad.jsonl" in said
    assert "a decoder is not listed" in said
    assert "good.jsonl" not in said
    assert ".part" not in said

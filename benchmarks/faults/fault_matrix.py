"""Do every fault of a live stream to the real program, and see it noticed, said and survived.

    python benchmarks/faults/fault_matrix.py  every fault, about ten minutes
    python benchmarks/faults/fault_matrix.py --only flat nan  some kinds, or cases
    python benchmarks/faults/fault_matrix.py --clean 60 --jobs 8  an hour in all without a fault

``eegpt-stream replay --fault`` and ``eegpt-realtime --headless`` run in processes of their own,
over LSL. What the program wrote is then held against the truth file of the sender.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from fault_judging import AT, RATE, SLACK, WINDOW, Case, Row, judge, read_lines, table

LABELS = tuple("FZ FC3 FC1 FCZ FC2 FC4 C5 C3 C1 CZ C2 C4 C6 CP3 CPZ CP4 PZ".split())


def _restart(name: str, settings: str, words: str = "is back", **given) -> Case:
    """A restart that ends with a new stream being taken; finding it takes up to three seconds."""
    defaults = {"back": WINDOW + SLACK + 3.0, "seconds": 20.0, "options": ("--reconnect", "any")}
    return Case(name, f"restart:down=2,at={AT}{settings}", "lost", words, **{**defaults, **given})


def _value(name: str, fault: str, words: str, lasts: float = 2.0, **given) -> Case:
    """A fault of the values that lasts a while; half a second of signal is judged for some."""
    arguments = {"within": 0.75, "back": WINDOW + 2 * SLACK, **given}
    return Case(name, f"{fault},at={AT},for={lasts:g}", "artifact", words, **arguments)


CASES = (
    Case("lost block", f"lose:samples=50,at={AT}", "gap", "50 samples were lost"),
    Case("one sample lost", f"lose:samples=1,at={AT}", "gap", "1 sample was lost"),
    Case("random losses", f"drop:share=0.02,at={AT},for=1", "gap", "lost"),
    Case("stall", f"stall:at={AT},for=1.5", "silent", "has sent nothing for", back=SLACK),
    Case(
        "stall, then fast", f"stall:at={AT},for=1.5,speed=3", "silent", "sent nothing", back=SLACK
    ),
    Case("stamps in bursts", "burst:samples=9,jitter=0.003", "ok"),
    Case("stamps jump ahead", f"jump:by=7200,at={AT},for=3", "gap", r"jumped by \+7200"),
    Case("stamps jump back", f"jump:by=-7200,at={AT},for=3", "gap", "jumped by -7200"),
    Case("clock drifts", "drift:ppm=1000", "ok", "", within=20.0, seconds=25.0),
    Case("rate 1 % off", "rate:percent=1", "ok", "sends 252", within=20.0, seconds=25.0),
    Case("announced, silent", "silent", "silent", "has sent nothing", back=None),
    Case("silent for a while", f"silent:at={AT},for=2", "silent", "has sent nothing"),
    Case("killed for good", f"restart:at={AT},down=600", "lost", "was lost", back=None),
    _restart("restarted", "", options=()),
    _restart("restarted as another", ",source_id=other"),
    _restart(
        "restarted as another, asked", ",source_id=other", "Another sender", back=None, options=()
    ),
    _restart("restarted as nobody", ",source_id=none"),
    _restart("channels reordered", ",channels=reordered", options=()),
    _restart("channels renamed", ",channels=renamed", "cannot take its place", back=None),
    _restart("a channel missing", ",channels=missing", "cannot take its place", back=None),
    _restart("a channel more", ",channels=more", options=()),
    _restart("unit now mV", ",unit=mV", options=()),
    _restart("unit now V", ",unit=V", options=()),
    _restart("unit now none", ",unit=none", "no longer", back=None),
    _restart("unit now misspelt", ",unit=misspelt", "not a voltage", back=None),
    Case("flat channel", f"flat:channel=C3,at={AT},for=2", "artifact", "C3 is flat"),
    Case("all channels flat", f"flat:channel=all,at={AT},for=2", "artifact", "are flat"),
    _value("railed channel", "railed:channel=C3", "C3 is", within=0.5),
    Case("noisy channel", f"noisy:channel=C3,at={AT},for=2", "artifact", "C3 is"),
    *(
        _value(
            f"{hertz} Hz", f"hum:channel=C3,hertz={hertz},uv=300", "C3 is full of mains", within=0.5
        )
        for hertz in (50, 60)
    ),
    *(
        _value(
            name,
            f"scale:by={by}",
            f"about {times} times too {size}, .* wrong unit",
            within=0.5,
            back=WINDOW + 6.0,
            seconds=20.0,
        )
        for name, by, times, size in (
            ("thousand times too large", "1000", "1 000", "large"),
            ("million times too small", "1e-6", "1 000 000", "small"),
        )
    ),
    _value("test square wave", "test:shape=square", "equal to the last bit"),
    _value("test square, own noise", "test:shape=square,noise=0.5", "carry the same signal"),
    _value("test sine", "test:shape=sine,uv=20,hertz=10,noise=0.5", "carry the same signal"),
    _value("test ramp", "test:shape=ramp,noise=0.5", "carry the same signal"),
    _value("shorted inputs", "off:channel=all,uv=0.7", "carry the same signal"),
    _value("open inputs", "hum:channel=all,uv=200", "full of mains"),
    _value("inputs without a head", "off:channel=all,uv=12", "nothing in common"),
    _value("one signal on all", "copy:channel=all,of=CZ", "equal to the last bit"),
    _value("one signal, own noise", "copy:channel=all,of=CZ,noise=0.7", "the same signal"),
    _value("C4 carries C3", "copy:channel=C4,of=C3", "C3, C4 are equal to the last bit"),
    _value("C4 carries C3 twice as large", "copy:channel=C4,of=C3,by=2", "C3, C4 are copies"),
    _value("C4 carries C3, own noise", "copy:channel=C4,of=C3,by=2,noise=0.5", "are copies"),
    _value("an electrode is off", "off:channel=C3,uv=2", "C3 is much smaller"),
    _value("a buffer of 0.1 s again", "repeat:every=0.1", "a block of samples again"),
    _value("a buffer of 0.5 s again", "repeat:every=0.5", "a block of samples again"),
    _value("a buffer of 2 s again", "repeat:every=2", "a block of samples again", 3.0),
    Case("two samples filled in", f"hold:samples=2,at={AT}", "artifact", "repeats its last"),
    Case("ten samples filled in", f"hold:samples=10,at={AT}", "artifact", "repeats its last"),
    *(
        _value(f"gain times {by:g}", f"scale:by={by:g}", words)
        for by, words in (
            (0.03, "carry the same signal"),
            (0.1, "carry the same signal"),
            (0.2, "carry the same signal"),
            (3.0, "times as large as before"),
            (5.0, "larger|large as before|noisy"),
        )
    ),
    *(
        _value(f"gain of C3 times {by:g}", f"scale:channel=C3,by={by:g}", words)
        for by, words in (
            (0.1, "C3 is much smaller"),
            (0.2, "C3 is much smaller"),
            (3.0, "C3 is much larger"),
            (5.0, "C3 is"),
        )
    ),
    *(
        _value(f"gain of {name} times {by:g}", f"scale:channel={channels},by={by:g}", words)
        for name, channels in (
            ("two channels", "C3+C4"),
            ("half the channels", "FZ+FC1+FC2+C5+C1+C2+C6+CPZ"),
        )
        for by, words in (
            (0.03, "much smaller|flat|carry the same signal"),
            (0.2, "much smaller"),
            (3.0, "much larger"),
            (5.0, "are"),
        )
    ),
    Case("NaN", f"nan:at={AT},for=1", "artifact", "sent NaN or inf"),
    Case("infinite on one channel", f"inf:channel=C3,at={AT},for=1", "artifact", "C3 sent NaN"),
    Case("rate 4 % off", "rate:percent=4", "rate", "sends 260", within=3.5, back=None, never=True),
    Case(
        "half the rate", "rate:percent=-50", "rate", "sends 125", within=4.5, back=None, never=True
    ),
    Case(
        "rate changes by 8 %",
        f"rate:percent=8,at={AT}",
        "rate",
        "too far off",
        within=2.5,
        back=None,
        blind=2.5,
    ),
    Case("stamps count", "counting", "rate", "no seconds", within=4.0, back=None, never=True),
    Case("clock set forward 3 s", f"jump:by=3,at={AT}", "gap", r"jumped by \+3 s"),
    Case("clock set back 3 s", f"jump:by=-3,at={AT}", "gap", "went back by 3 s"),
    Case("clock set back an hour", f"jump:by=-3600,at={AT}", "gap", "jumped by -3600"),
    Case("each sample twice", f"again:what=sample,at={AT},for=0.5", "gap", "sent twice"),
    Case("each chunk twice", f"again:what=chunk,at={AT},for=0.5", "gap", "sent twice"),
    *(
        Case(
            f"{lost} lost, one stamp a chunk",
            f"chunked:samples=8 lose:samples={lost},at={AT}",
            "gap",
            "lost",
            within=within + 0.25,
            blind=within,
            back=WINDOW + SLACK + 0.5,
            options=("--confirm",) if lost > 1 else (),
        )
        for lost, within in ((1, 1.0), (5, 0.0), (10, 0.0))
    ),
    Case("one stamp a chunk", "chunked:samples=8,jitter=0.004", "ok"),
    Case(
        "held up for 8 s",
        f"stall:at={AT},for=8",
        "silent",
        "sent nothing",
        back=SLACK,
        seconds=22.0,
    ),
    Case(
        "held up for 8 s, then twice as fast",
        f"stall:at={AT},for=8,speed=2",
        "late",
        "older than 2 s",
        within=10.0,
        back=None,
        blind=20.0,
        seconds=24.0,
    ),
    Case(
        "program stopped for 8 s",
        "chunked:samples=8,jitter=0",
        "late",
        within=20.0,
        back=20.0,
        seconds=22.0,
        stopped=8.0,
    ),
    Case("second stream of the name", f"second:at={AT},for=4", "ok"),
)


# Streams without a fault: name, samples a chunk, what is done to their stamps, rate in Hz.
CLEAN = (
    ("chunks of 1", 1, "", RATE),
    ("chunks of 32", 32, "", RATE),
    ("chunks of 5 s", 1250, "", RATE),
    ("clock off by 200 ppm", 8, "drift:ppm=200", RATE),
    ("each sample stamped on arrival", 8, "burst:samples=1,jitter=0.003", RATE),
    ("Bluetooth packets, stamped on arrival", 9, "burst:samples=9,jitter=0.003", RATE),
    ("packets of 32 with one stamp", 32, "chunked:samples=32,jitter=0.01", RATE),
    ("2 048 Hz, 64 with one stamp", 64, "chunked:samples=64,jitter=0.001", 2048.0),
)


def main() -> int:
    """Run the matrix and print it."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="eegpt-faults-"))
    keep_apart(folder)
    if options.clean:
        seconds = 60.0 * options.clean / len(CLEAN)
        prepare(folder, seconds + 90.0, (RATE, 2048.0))
        return _clean(folder, seconds, options)
    prepare(folder, 130.0)
    cases = [case for case in CASES if not options.only or _asked(case, options.only)]
    if options.unhurried:  # where others work on the same cores
        cases = [replace(case, within=case.within + 2.0) for case in cases]
    with ThreadPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(lambda case: run(folder, case), cases))
    if options.json:
        print(json.dumps([vars(row) for row in rows], indent=2))
    else:
        print(table(rows))
        print(f"\n{folder}", file=sys.stderr)
    return int(any(row.problems for row in rows))


def keep_apart(folder: Path) -> None:
    """Give this benchmark's processes LSL ports and a session of their own."""
    if "LSLAPICFG" not in os.environ:
        port = 32_000 + 100 * (os.getpid() % 128)
        file = folder / "lsl.cfg"
        file.write_text(
            f"[ports]\nIPv6 = disable\nMulticastPort = {port}\nBasePort = {port + 1}\n"
            "PortRange = 98\n[multicast]\nResolveScope = machine\nListenAddress = 127.0.0.1\n"
            f"[lab]\nSessionID = {uuid.uuid4().hex}\n[log]\nlevel = -2\n"
        )
        os.environ["LSLAPICFG"] = str(file)


def prepare(folder: Path, seconds: float, rates: Sequence[float] = (RATE,)) -> None:
    """Write recordings of a simulated subject, so many seconds long, and its decoder."""
    import mne

    from calibration.fit_settings import FitSettings
    from calibration.fitting import fit_decoder
    from core.decoding.storage.decoder_file import save_decoder
    from simulation.synthetic import session

    classes = ("left_hand", "right_hand")
    trained = session(12, classes, labels=LABELS, rate=RATE)
    fit = fit_decoder(
        [trained], {name: name for name in classes}, "01", FitSettings(head="riemann", repeats=1)
    )
    save_decoder(fit.decoder, folder / "decoder.safetensors")
    for rate in rates:
        told = session(1 + round(seconds / 16.0), classes, labels=LABELS, rate=rate, run=2)
        info = mne.create_info(list(LABELS), rate, "eeg", verbose="ERROR")
        raw = mne.io.RawArray(told.samples_uv.T * 1e-6, info, verbose="ERROR")
        raw.save(recording_of(folder, rate), verbose="ERROR")


def recording_of(folder: Path, rate: float = RATE) -> Path:
    """Return the path of the recording of a rate."""
    return folder / f"subject{rate:.0f}_raw.fif"


def run(folder: Path, case: Case) -> Row:
    """Do one case with the real programs."""
    name = f"Fault-{uuid.uuid4().hex[:8]}"
    truth, log = folder / f"{name}.truth.jsonl", folder / f"{name}.jsonl"
    sender = start(
        "simulation.cli",
        *("replay", recording_of(folder), "--name", name, "--loop", "--truth", truth),
        *("--fault", *case.faults.split()),
    )
    program = start(
        "realtime.cli",
        *("--stream", name, "--decoder", folder / "decoder.safetensors", "--headless"),
        *("--log", log, "--timeout", 60, *case.options),
    )
    try:
        deadline = time.monotonic() + 120
        while not (truth.exists() and truth.stat().st_size):
            if program.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(program.communicate()[1])
            time.sleep(0.05)
        if case.stopped:
            time.sleep(AT)
            program.send_signal(signal.SIGSTOP)
            time.sleep(case.stopped)
            program.send_signal(signal.SIGCONT)
            time.sleep(case.seconds - AT - case.stopped)
        else:
            time.sleep(case.seconds)
    finally:
        program.terminate()
        _, stderr = program.communicate()
        sender.kill()
        sender.communicate()
    return judge(case, truth, log, stderr)


def _clean(folder: Path, seconds: float, options: argparse.Namespace) -> int:
    """Replay streams without a fault, so many at once, while other work loads the machine."""
    load = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.load)
    ]
    try:
        with ThreadPoolExecutor(options.jobs) as pool:
            results = list(pool.map(lambda stream: _replayed(folder, stream, seconds), CLEAN))
    finally:
        for process in load:
            process.kill()
            process.wait()
    rows = [
        {"stream": name, "decisions": decided, "false_alarms": len(alarms), "first": alarms[:3]}
        for (name, *_), (alarms, decided) in zip(CLEAN, results, strict=True)
    ]
    print(json.dumps({"minutes": options.clean, "loading": options.load, "rows": rows}, indent=2))
    return int(any(alarms for alarms, _ in results))


def _replayed(
    folder: Path, stream: tuple[str, int, str, float], seconds: float
) -> tuple[list[str], int]:
    """Return the false alarms of a clean replay, and the number of decisions with probabilities."""
    _, chunk, stamps, rate = stream
    name = f"Clean-{uuid.uuid4().hex[:8]}"
    log = folder / f"{name}.jsonl"
    sender = start(
        "simulation.cli",
        *("replay", recording_of(folder, rate), "--name", name, "--chunk", chunk),
        *(("--fault", stamps) if stamps else ()),
    )
    program = start(
        "realtime.cli",
        *("--stream", name, "--decoder", folder / "decoder.safetensors", "--headless"),
        *("--log", log, "--timeout", 60, "--duration", seconds),
    )
    _, stderr = program.communicate()
    sender.kill()
    sender.communicate()
    if program.returncode:
        return [stderr], 0
    decisions = read_lines(log)
    # Until the first sample has come, that nothing comes is the truth; so it is between chunks of
    # seconds, most of whose samples are too old to be decided on.
    # A first stamp that is late may be taken for a loss: nothing is decided then anyway.
    true = {"ok", "warming"} | ({"silent", "late"} if chunk / rate > 1.0 else set())
    first = next((i for i, d in enumerate(decisions) if d["sample"] >= 0), None)
    if first is None:
        return ["no sample came", *stderr.splitlines()], 0
    began = decisions[first]["time"]
    told = [
        f"{decision['status']} at sample {decision['sample']}"
        for decision in decisions[first:]
        if decision["status"] not in true and decision["time"] > began + WINDOW
    ]
    true |= {"stream", "back", "reference"}
    notes = read_lines(log.with_suffix(".stream.jsonl"))
    told += [n["text"] for n in notes if n["kind"] not in true and n["at"] > began + 1.0]
    return told, sum(d["status"] == "ok" for d in decisions)


def start(module: str, *arguments: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def _asked(case: Case, words: Sequence[str]) -> bool:
    return any(word == case.name or word == case.faults.split(":")[0] for word in words)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Do every fault to the live program.")
    parser.add_argument("--only", nargs="*", default=[], help="names of cases, or kinds of faults")
    parser.add_argument("--unhurried", action="store_true", help="let noticing take 2 s longer")
    parser.add_argument("--jobs", type=int, default=2, help="faults done at once")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--clean", type=float, help="minutes, in all, of streams without a fault instead"
    )
    parser.add_argument("--load", type=int, default=os.cpu_count(), help="processes that do work")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

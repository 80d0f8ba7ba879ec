import json
import pickle
from dataclasses import asdict, replace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from core.decoding.card import EncoderPin
from core.decoding.graph_head import TASK, GraphHead
from core.decoding.readouts import Readout, ReadoutCard
from core.decoding.storage.decoder_file import FORMAT, decoder_digest, load_decoder, save_decoder
from core.decoding.window_decoder import WindowDecoder
from core.encoders import load_encoder
from core.encoders.braingpt.graph import ElectrodeGraph
from core.errors import InputError


@pytest.mark.slow
@pytest.mark.parametrize("head", ["riemann", "encoder", "hybrid"])
def test_a_decoder_comes_back_as_it_was(fitted, head, tmp_path):
    decoder = fitted[head]
    found = load_decoder(save_decoder(decoder, tmp_path / "one.safetensors"))
    assert found.classes == decoder.classes
    assert found.settings == decoder.settings
    assert found.facts == decoder.facts
    assert found.encoder == decoder.encoder
    assert decoder_digest(found) == decoder_digest(decoder)
    other = replace(decoder.head, bias=decoder.head.bias + 1e-9)
    for changes in ({"hop": found.hop // 2}, {"head": other}):
        assert decoder_digest(replace(found, **changes)) != decoder_digest(decoder)
    np.testing.assert_array_equal(found.head.weights, decoder.head.weights)
    samples = np.random.default_rng(0).normal(0.0, 0.02, (1024, len(decoder.settings.channels)))
    first, second = (WindowDecoder(d, d.load_encoder(), 1024 // 16) for d in (decoder, found))
    for start in range(0, 1024, 64):
        one = first.push(samples[start : start + 64])
        two = second.push(samples[start : start + 64])
    np.testing.assert_array_equal(one, two)


def test_nothing_is_overwritten(fitted, tmp_path):
    path = save_decoder(fitted["riemann"], tmp_path / "one.safetensors")
    before = path.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        save_decoder(fitted["encoder"], path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == [path.name]


def changed(path, **header):
    """Write the file again with another header."""
    with safe_open(path, framework="np") as file:
        found = json.loads(file.metadata()[FORMAT])
    text = json.dumps(found | header)
    other = path.with_name("changed.safetensors")
    save_file(load_file(path), other, metadata={FORMAT: text})
    return other


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"version": 99}, "version 99"),
        ({"unit": "kOhm"}, 'unit "kOhm"'),
        ({"reference": "linked ears"}, 'reference "linked ears"'),
        ({"classes": ["left_hand"]}, "head.weights"),
        ({"channels": ["C3", "C4"]}, "channels that it does not have"),
        ({"channels": [f"E{number}" for number in range(1025)]}, "1025 channels"),
        ({"window": 1000}, "do not fit"),
        ({"hop": 48}, "do not fit"),
        ({"skip": 1024}, "1024 where a number from 0 to 1023"),
        ({"token_channels": ["C3", "OZ"]}, "its encoder gets channels"),
        ({"facts": None}, "does not describe a decoder"),
        ({"band": {"low": 1.0, "high": 20.0}}, "filter coefficients"),
        ({"tangents": [{"band": [0.0, 30.0]}] * 2}, "band that its rate cannot carry"),
        ({"tangents": [{"band": [30.0, 30.0]}] * 2}, "band that its rate cannot carry"),
        ({"tangents": [{"band": [8.0, 128.0]}] * 2}, "a number from 0 to 127.744"),
        ({"tangents": [{"band": [8.0, 30.0]}]}, "head does not fit its features"),
        ({"rate": 0.5}, "0.5 where a number from 1 to"),
        ({"temperature": 0.0}, "0.0 where a number from 1e-06"),
        ({"warmup": -1}, "-1 where a number from 0"),
    ],
)
def test_a_header_that_lies_is_refused(fitted, header, said, tmp_path):
    path = save_decoder(fitted["riemann"], tmp_path / "one.safetensors")
    with pytest.raises(InputError, match=said):
        load_decoder(changed(path, **header))


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"subject": "01/02"}, "no label"),
        ({"session": "a b"}, "no label"),
        ({"software": "1\n2"}, "no plain text"),
        ({"recordings": {"a.edf": 1}}, "recordings have no names"),
        ({"chance": 1.1}, "1.1 where a number from 0 to 1 belongs"),
        ({"scores": {"riemann": -0.1}}, "-0.1 where a number from 0 to 1 belongs"),
        ({"scores": {"hybrid": 0.9}}, "head has no score"),
        ({"fit": []}, "head has no score"),
        ({"recorded_rate": 0.0}, "0.0 where a number from 1 to"),
        ({"trials": -1}, "-1 where a number from 0 to"),
        ({"fit": {"recentre": 5.0}}, "choose 30 to 3600 s"),
        ({"fit": {"in_blocks": "all"}}, "no list of different names"),
        ({"fit": {"false_alarms": 0.0}}, "--false-alarms is 0 a minute"),
        ({"fit": {"idle_class": 3}}, "idle class has no name"),
        ({"age": 30}, "does not describe a decoder"),
        ({"artifacts": {"typical": 0.0}}, "limits of artifacts are damaged"),
    ],
)
def test_facts_that_lie_are_refused(fitted, facts, said, tmp_path):
    decoder = fitted["riemann"]
    path = save_decoder(decoder, tmp_path / "one.safetensors")
    with pytest.raises(InputError, match=said):
        load_decoder(changed(path, facts=asdict(decoder.facts) | facts))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("head.bias", lambda bias: bias * np.nan, r"head\.bias"),
        ("head.bias", lambda bias: bias + 1e12, r"head\.bias"),
        ("head.weights", lambda weights: weights.astype(int), r"head\.weights"),
        ("head.centre", lambda centre: centre[:5], "head does not fit its features"),
        ("head.scale", lambda scale: 0.0 * scale, "scale that is not above zero"),
        ("filter", lambda sections: sections + 1e-6, "filter coefficients"),
        ("tangents.0.whitener", lambda whitener: whitener[1:], r"tangents\.0\.whitener"),
        ("tangents.0.picks", lambda picks: picks[::-1] - len(picks), "name channels"),
        ("tangents.0.picks", lambda picks: picks + 99, "name channels"),
        ("tangents.0.picks", lambda picks: picks.astype(float), "name channels"),
        ("tangents.0.picks", lambda picks: picks[:0], "name channels"),
        ("tangents.0.picks", lambda picks: picks[None], "name channels"),
    ],
)
def test_tensors_that_lie_are_refused(fitted, name, change, said, tmp_path):
    path = save_decoder(fitted["riemann"], tmp_path / "one.safetensors")
    with safe_open(path, framework="np") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    tensors[name] = np.ascontiguousarray(change(tensors[name]))
    save_file(tensors, tmp_path / "other.safetensors", metadata=metadata)
    with pytest.raises(InputError, match=said):
        load_decoder(tmp_path / "other.safetensors")


def test_what_could_not_be_read_again_is_not_written(fitted, tmp_path):
    decoder = fitted["riemann"]
    path = tmp_path / "one.safetensors"
    for broken in (
        replace(decoder, head=replace(decoder.head, bias=np.array([np.nan, 0.0]))),
        replace(decoder, classes=("x" * 200, "right_hand")),
        replace(decoder, classes=("left\nhand", "right_hand")),
    ):
        with pytest.raises(InputError, match="could not be read again, and is not kept"):
            save_decoder(broken, path)
    assert not path.exists()


@pytest.mark.parametrize(
    "name",
    ["x" * 250 + ".edf", "a\x1b[31m\n.edf", "m\udcffine.edf"],
    ids=["long", "", "no Unicode"],
)
def test_recordings_of_any_name_are_kept_track_of(fitted, tmp_path, name):
    decoder = fitted["riemann"]
    facts = replace(decoder.facts, recordings={name: "0" * 64})
    path = save_decoder(replace(decoder, facts=facts), tmp_path / "one.safetensors")
    assert load_decoder(path).facts.recordings == {name: "0" * 64}


def test_a_header_that_says_something_twice_is_refused(fitted, tmp_path):
    path = save_decoder(fitted["riemann"], tmp_path / "one.safetensors")
    with safe_open(path, framework="np") as file:
        text = file.metadata()[FORMAT]
    save_file(load_file(path), path, metadata={FORMAT: text[:-1] + ', "unit": "uV"}'})
    with pytest.raises(InputError, match='it says "unit" more than once'):
        load_decoder(path)


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_what_is_no_decoder_is_refused_and_never_run(fitted, tmp_path):
    trap, sprung = tmp_path / "trap.safetensors", tmp_path / "sprung"
    trap.write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(InputError, match="not a decoder, or is damaged"):
        load_decoder(trap)
    assert not sprung.exists()

    whole = save_decoder(fitted["riemann"], tmp_path / "one.safetensors").read_bytes()
    half = tmp_path / "half.safetensors"
    half.write_bytes(whole[: len(whole) // 2])
    giant = tmp_path / "giant.safetensors"
    giant.write_bytes((2**32).to_bytes(8, "little") + whole[8:])
    for path in (half, giant, tmp_path):
        with pytest.raises(InputError):
            load_decoder(path)
    with pytest.raises(InputError, match="There is no decoder"):
        load_decoder(tmp_path / "absent.safetensors")
    other = tmp_path / "other.safetensors"
    save_file({"a": np.zeros(3)}, other)
    with pytest.raises(InputError, match="but not a decoder"):
        load_decoder(other)


@pytest.mark.slow
def test_a_file_from_before_parts_could_be_chosen_uses_everything(fitted, tmp_path):
    path = save_decoder(fitted["hybrid"], tmp_path / "one.safetensors")
    with safe_open(path, framework="np") as file:
        found = json.loads(file.metadata()[FORMAT])
    del found["skip"], found["token_channels"]
    old = tmp_path / "old.safetensors"
    save_file(load_file(path), old, metadata={FORMAT: json.dumps(found)})
    decoder = load_decoder(old)
    assert decoder.skip == 0
    assert decoder.token_channels == decoder.settings.channels
    assert decoder.input_words == ""


@pytest.fixture
def graph_decoder(fitted):
    """A decoder of an encoder with tokens of each electrode, whose graph knows nothing."""
    decoder = fitted["encoder"]
    encoder = load_encoder("untrained-braingpt-base-2")
    channels = decoder.settings.channels
    graph = ElectrodeGraph(128, 4, 2, {TASK: 2}, seed=1)
    weights = {name: tensor.double().numpy() for name, tensor in graph.state_dict().items()}
    return replace(
        decoder,
        unit="uV",
        hop=64,
        patch=64,
        head=GraphHead(channels, np.zeros(128 * len(channels)), weights, 1.5),
        spatial=np.eye(len(channels)),
        encoder=EncoderPin.of(encoder, "untrained-braingpt-base-2"),
        warmup=encoder.spec.warmup,
        token_channels=channels,
    )


@pytest.mark.slow
def test_a_graph_comes_back_to_the_last_digit(graph_decoder, tmp_path):
    head = replace(graph_decoder.head, centre=np.ones(len(graph_decoder.head.centre)))
    card = ReadoutCard("graph", 9, 0.6, 0.7, "balanced accuracy")
    other = Readout("eyes", ("open", "closed"), head, (), True, card)
    path = save_decoder(replace(graph_decoder, others=(other,)), tmp_path / "one.safetensors")
    found = load_decoder(path)
    features = np.random.default_rng(0).normal(0.0, 1.0, (3, len(graph_decoder.head.centre)))
    np.testing.assert_array_equal(
        found.head.probabilities(features), graph_decoder.head.probabilities(features)
    )
    assert found.head.ch_names == graph_decoder.head.ch_names
    (other,) = found.others
    np.testing.assert_array_equal(other.head.centre, np.ones(len(found.head.centre)))
    samples = np.random.default_rng(1).normal(0.0, 10.0, (3328, len(found.settings.channels)))
    windows = WindowDecoder(found, found.load_encoder())
    decided = [windows.push(samples[start : start + 64]) for start in range(0, 3328, 64)]
    assert decided[-2] is None
    assert decided[-1].sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("head.graph.norm.weight", None, "other tensors than its size needs"),
        ("head.graph.project.1.weight", None, "no electrode graph"),
        ("head.graph.layers.1.asked.weight", np.zeros((2, 4)), "other tensors than its size"),
        ("head.graph.heads.classes.bias", np.full(2, np.nan), r"heads\.classes\.bias"),
        ("head.centre", np.zeros(17), "does not fit its features"),
    ],
)
def test_a_graph_that_lies_is_refused(graph_decoder, tmp_path, name, change, said):
    path = save_decoder(graph_decoder, tmp_path / "one.safetensors")
    with safe_open(path, framework="np") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    del tensors[name]
    save_file(
        tensors | ({} if change is None else {name: change}),
        tmp_path / "other.safetensors",
        metadata=metadata,
    )
    with pytest.raises(InputError, match=said):
        load_decoder(tmp_path / "other.safetensors")


def test_a_graph_of_other_electrodes_or_classes_is_refused(graph_decoder, tmp_path):
    path = save_decoder(graph_decoder, tmp_path / "one.safetensors")
    names = graph_decoder.head.ch_names
    for header, said in (
        ({"graph": [*names[1:], names[0]]}, "does not read the electrodes of its encoder"),
        ({"graph": ["X1", *names[1:]]}, "X1"),
        ({"graph": names[1:]}, "does not fit its features"),
        ({"classes": ["left", "right", "rest"]}, "does not tell 3 classes apart"),
    ):
        with pytest.raises(InputError, match=said):
            load_decoder(changed(path, **header))

import pytest
import torch

from core.encoders.eegpt.model import eegpt_spec
from core.encoders.eegpt.pretraining import Pretraining
from core.encoders.eegpt.sizes import SIZES, size_named, size_of
from core.errors import InputError

# Counted on instances of the published classes.
COUNTS = {
    "tiny1": (108_288, 108_484, 212_420, 537_480),
    "tiny2": (108_480, 108_676, 212_420, 538_056),
    "tiny3": (408_384, 408_580, 412_356, 1_637_704),
    "little": (1_603_200, 1_619_976, 1_619_272, 6_445_648),
    "base1": (4_771_840, 4_870_928, 4_837_456, 19_252_064),
    "base2": (6_352_128, 6_451_216, 6_416_976, 25_572_448),
    "base3": (18_980_864, 19_441_168, 19_243_088, 76_645_984),
    "large": (25_287_168, 25_747_472, 25_547_856, 101_869_664),
}


def on_meta(variant):
    spec = eegpt_spec(variant, name="", trained=False, provenance={})
    with torch.device("meta"):
        return Pretraining(spec)


def size(module):
    return sum(tensor.numel() for tensor in module.state_dict().values())


def test_every_variant_is_counted():
    assert set(COUNTS) == set(SIZES)


@pytest.mark.slow
@pytest.mark.parametrize("variant", COUNTS)
def test_parameter_counts_are_the_published_ones(variant):
    parts = on_meta(variant)
    counted = (parts.encoder, parts.predictor, parts.reconstructor, parts)
    assert tuple(size(part) for part in counted) == COUNTS[variant]


def test_heads_of_the_variants():
    assert {name: variant.heads for name, variant in SIZES.items()} == dict.fromkeys(SIZES, 4) | {
        "base3": 8,
        "large": 8,
    }


@pytest.mark.parametrize("variant", SIZES.values(), ids=list(SIZES))
def test_a_variant_is_told_by_its_sizes(variant):
    found = size_of(variant.width, variant.summary_tokens, variant.encoder_depth)
    assert found is variant


def test_sizes_of_no_variant():
    assert size_of(96, 4, 8) is None


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r'no size "huge"; it has tiny1, .*, large'):
        size_named("huge")


def block(name, width):
    return {
        f"{name}.norm1.weight": (width,),
        f"{name}.norm1.bias": (width,),
        f"{name}.attn.qkv.weight": (3 * width, width),
        f"{name}.attn.qkv.bias": (3 * width,),
        f"{name}.attn.proj.weight": (width, width),
        f"{name}.attn.proj.bias": (width,),
        f"{name}.norm2.weight": (width,),
        f"{name}.norm2.bias": (width,),
        f"{name}.mlp.fc1.weight": (4 * width, width),
        f"{name}.mlp.fc1.bias": (4 * width,),
        f"{name}.mlp.fc2.weight": (width, 4 * width),
        f"{name}.mlp.fc2.bias": (width,),
    }


@pytest.mark.slow
def test_names_and_shapes_of_large_are_the_published_ones():
    layout = {}
    for part in ("encoder", "target_encoder"):
        layout |= {
            f"{part}.summary_token": (1, 4, 512),
            f"{part}.patch_embed.proj.weight": (512, 1, 1, 64),
            f"{part}.patch_embed.proj.bias": (512,),
            f"{part}.chan_embed.weight": (62, 512),
            f"{part}.norm.weight": (512,),
            f"{part}.norm.bias": (512,),
        }
        for i in range(8):
            layout |= block(f"{part}.blocks.{i}", 512)
    layout |= {
        "predictor.mask_token": (1, 1, 4, 512),
        "predictor.predictor_embed.weight": (512, 512),
        "predictor.predictor_embed.bias": (512,),
        "predictor.time_embed.freqs": (16,),
        "predictor.predictor_norm.weight": (512,),
        "predictor.predictor_norm.bias": (512,),
        "predictor.predictor_proj.weight": (512, 512),
        "predictor.predictor_proj.bias": (512,),
        "reconstructor.mask_token": (1, 1, 512),
        "reconstructor.reconstructor_embed.weight": (512, 512),
        "reconstructor.reconstructor_embed.bias": (512,),
        "reconstructor.time_embed.freqs": (16,),
        "reconstructor.chan_embed.weight": (62, 512),
        "reconstructor.reconstructor_norm.weight": (512,),
        "reconstructor.reconstructor_norm.bias": (512,),
        "reconstructor.reconstructor_proj.weight": (64, 512),
        "reconstructor.reconstructor_proj.bias": (64,),
    }
    for part in ("predictor", "reconstructor"):
        for i in range(8):
            layout |= block(f"{part}.{part}_blocks.{i}", 512)

    state = on_meta("large").state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == layout
    assert len(layout) == 413

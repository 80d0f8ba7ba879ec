"""Names of the encoders that are taken where none is named."""

from pathlib import Path

STARTER = "starter"
"""The encoder that was trained without labels and comes with the program."""

DEFAULT = "imagery-2"
"""The encoder of decoders where none is named, among those that come with the program."""

SUMS = "imagery"
"""The default's predecessor, which has four sums over sources and time as features."""

WITH_EYES = "imagery-2-with-eyes"
"""The encoder trained as `DEFAULT` is, on all electrodes, and so on what the eyes do."""

_HERE = Path(__file__).parent

BUNDLED = {
    STARTER: _HERE / "eegpt" / "weights" / "starter.safetensors",
    DEFAULT: _HERE / "bandpower" / "weights" / "imagery-2.safetensors",
    SUMS: _HERE / "bandpower" / "weights" / "imagery.safetensors",
    WITH_EYES: _HERE / "bandpower" / "weights" / "imagery-2-with-eyes.safetensors",
}
"""Names of the encoders that come with the program, and their files."""

import subprocess
import sys

import pytest

from core.encoders import load_encoder, load_spec
from core.encoders.defaults import BUNDLED
from core.errors import InputError


@pytest.mark.parametrize("name", [*BUNDLED, "untrained-tiny1"])
def test_spec_is_that_of_the_loaded_encoder(name):
    assert load_spec(name) == load_encoder(name).spec


def test_unknown_encoder_has_no_spec():
    with pytest.raises(InputError, match="no encoder of that name"):
        load_spec("imagry")


@pytest.mark.slow
def test_fit_without_tokens_imports_neither_torch_nor_pyplot():
    code = (
        "import sys, calibration.fitting, calibration.priors, core.fitting.baselines as baselines\n"
        "from core.encoders import DEFAULT, load_spec\n"
        "load_spec(DEFAULT), baselines.csp_lda(), baselines.regression()\n"
        "print(*{'torch', 'pyriemann', 'matplotlib.pyplot'} & set(sys.modules))"
    )
    command = [sys.executable, "-P", "-c", f"import sys; sys.path[:] = {sys.path!r}\n{code}"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""

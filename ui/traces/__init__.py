"""The signals: scrolling traces and the list of channels beside them."""

from ui.traces.channels import SCALES
from ui.traces.view import SPANS, TraceView

__all__ = ["SCALES", "SPANS", "TraceView"]

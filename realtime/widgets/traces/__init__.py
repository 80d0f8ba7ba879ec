"""The signals: scrolling traces and the list of channels beside them."""

from realtime.widgets.traces.channels import SCALES
from realtime.widgets.traces.view import SPANS, TraceView

__all__ = ["SCALES", "SPANS", "TraceView"]

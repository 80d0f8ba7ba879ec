"""Which panels there are: those of this folder, and those of other packages."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

GROUP = "eegpt_realtime.panels"
"""The group of entry points under which a package offers panels: a title, and a `Panel`."""

_OWN = {
    "Score": "realtime.panels.score:ScorePanel",
    "Spectrum and bands": "realtime.panels.spectrum:SpectrumPanel",
    "Scalp": "realtime.panels.scalp:ScalpPanel",
    "Classes of other tasks": "realtime.panels.other_classes:OtherClassesPanel",
    "Retrieval": "realtime.panels.retrieval:RetrievalPanel",
    "Scale": "realtime.panels.scale:ScalePanel",
}
"""Title -> class of the panels that come with the program, in the order of the list."""


def available_panels() -> dict[str, EntryPoint]:
    """Return title -> entry point of all panels; nothing of them is imported yet.

    A title that is there already is told from the first by its package.
    """
    panels = {title: EntryPoint(title, value, GROUP) for title, value in _OWN.items()}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        package = entry.dist.name if entry.dist is not None else entry.module
        panels[entry.name if entry.name not in panels else f"{entry.name} ({package})"] = entry
    return panels

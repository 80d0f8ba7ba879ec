"""The colours of both themes: a calm dark instrument, and a light one for projectors.

Hues of qualities and classes follow Okabe & Ito (2008), "Color universal design", shifted until
each is legible on its ground and stands out with every kind of colour vision (measured in the
tests).
"""

from __future__ import annotations

THEME = "EEGPT_THEME"
"""Variable of the environment that names the theme, so that programs that are started share it."""

PALETTES: dict[str, dict[str, str]] = {
    "dark": {
        "background": "#0E1216",
        "panel": "#151A1F",
        "raised": "#1F262D",
        "hover": "#2A333B",
        "pressed": "#343E47",
        "rule": "#2C353E",
        "text": "#EAEEF1",
        "muted": "#9DA9B4",  # 7:1 on the panel: small text stays legible
        "faint": "#5C6874",  # ticks and outlines only, never text
        "dim": "#77838E",  # text that is set back: 4.5:1 on the panel
        "selection": "#2F5F86",
        "outline": "#3F77A4",  # of what is selected
        "warning": "#F0743A",
        "accent": "#7FB8E6",  # keyboard focus
        "trace": "#B4C0CB",
        "trace ignored": "#4B5661",
        "stage": "#07090B",  # ground of what the person looks at
        "cross": "#C9D1D8",
        "stage outline": "#586571",
        "flat": "#6FA8FF",
        "railed": "#F0743A",
        "noisy": "#F0E442",
        "line": "#D05CC0",
        "ok": "#3CB58C",
        "warming": "#8794A1",
        "gap": "#8EA6FF",
        "artifact": "#F0E442",
        "rate": "#E69F00",
        "late": "#B0A0D8",
        "sky": "#56B4E9",
        "orange": "#E69F00",
        "green": "#009E73",
        "purple": "#CC79A7",
        "yellow": "#F0E442",
        "vermilion": "#D55E00",
        "rest": "#B9C3CC",
    },
    "light": {
        "background": "#EEF1F4",
        "panel": "#FFFFFF",
        "raised": "#E2E7EC",
        "hover": "#D5DCE3",
        "pressed": "#C6CFD8",
        "rule": "#C9D1D8",
        "text": "#14191D",
        "muted": "#4A5560",
        "faint": "#8C97A1",
        "dim": "#5C6670",
        "selection": "#B9D6EE",
        "outline": "#3F77A4",
        "warning": "#B3420E",
        "accent": "#1F6FB2",
        "trace": "#36424D",
        "trace ignored": "#A9B3BC",
        "stage": "#FFFFFF",
        "cross": "#2A333B",
        "stage outline": "#8C97A1",
        "flat": "#2A62E8",
        "railed": "#C03A00",
        "noisy": "#7D6C00",
        "line": "#B01FA8",
        "ok": "#0C7A55",
        "warming": "#5D6873",
        "gap": "#4058CF",
        "artifact": "#7D6C00",
        "rate": "#8F5E00",
        "late": "#6A55A8",
        "sky": "#0072B2",
        "orange": "#B86A00",
        "green": "#007A58",
        "purple": "#A8467F",
        "yellow": "#8A7A00",
        "vermilion": "#B03A00",
        "rest": "#2F3840",
    },
}

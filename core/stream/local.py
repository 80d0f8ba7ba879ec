"""Keeping LSL to this machine."""

from __future__ import annotations

import os
from configparser import ConfigParser
from io import StringIO
from pathlib import Path


def keep_local() -> None:
    """Keep LSL to this machine: what is sent from now on, and what is looked for.

    Must come before anything else of LSL in this process. Other settings, from the file that
    LSLAPICFG names or from where liblsl looks, stay.

    Notes
    -----
    liblsl announces and looks for streams by multicast; with the scope "machine" on the loopback
    interface nothing of that leaves. Its data port still listens on every interface: who knows
    its number can connect, so that only a firewall makes a secret of a stream.
    """
    import pylsl

    places = (
        os.environ.get("LSLAPICFG", ""),
        "lsl_api.cfg",
        os.path.expanduser("~/lsl_api/lsl_api.cfg"),
        "/etc/lsl_api/lsl_api.cfg",
    )
    found = next((Path(place) for place in places if place and Path(place).is_file()), None)
    settings = ConfigParser(interpolation=None, strict=False)
    settings.optionxform = str  # type: ignore[assignment, method-assign]
    if found is not None:
        settings.read_string(found.read_text(encoding="utf-8"))
    for section, name, value in (
        ("multicast", "ResolveScope", "machine"),
        ("multicast", "ListenAddress", "127.0.0.1"),
        ("ports", "IPv6", "disable"),
    ):
        if not settings.has_section(section):
            settings.add_section(section)
        settings.set(section, name, value)
    text = StringIO()
    settings.write(text)
    pylsl.set_config_content(text.getvalue())

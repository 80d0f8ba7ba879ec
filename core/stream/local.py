"""Keeping LSL to this machine."""

from __future__ import annotations

import os
import re
from configparser import ConfigParser
from configparser import Error as ConfigError
from io import StringIO
from pathlib import Path

_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_KEPT = {
    ("ports", "MulticastPort"): _NUMBER,
    ("ports", "BasePort"): _NUMBER,
    ("ports", "PortRange"): _NUMBER,
    ("lab", "SessionID"): _WORD,
    ("log", "level"): re.compile(r"-?[0-9]"),
}
"""Settings that name no place on the network and no file, and what their values look like."""

_SET = (
    ("multicast", "ResolveScope", "machine"),
    ("multicast", "MachineAddresses", "{127.0.0.1}"),
    ("multicast", "AddressesOverride", "{127.0.0.1}"),
    ("multicast", "ListenAddress", "127.0.0.1"),
    ("multicast", "TTLOverride", "0"),
    ("lab", "KnownPeers", "{}"),
    ("ports", "IPv6", "disable"),
)


def keep_local() -> None:
    """Keep LSL to this machine: what is sent from now on, and what is looked for.

    Must come before anything else of LSL in this process. Of the settings in the file that
    LSLAPICFG names, or that lies where liblsl looks, only ports, the session's name and the level
    of its log stay: nothing that names a peer, an address, an interface or a file.

    Notes
    -----
    liblsl announces and looks for streams by multicast; with the scope "machine" on the loopback
    interface nothing of that leaves. Its data port still listens on every interface: who knows
    its number can connect, so that only a firewall makes a secret of a stream.
    """
    import pylsl

    settings = ConfigParser(interpolation=None)
    settings.optionxform = str  # type: ignore[assignment, method-assign]
    given = _given()
    for (section, name), pattern in _KEPT.items():
        value = given.get(section, name, fallback="").strip()
        if pattern.fullmatch(value):
            settings.read_dict({section: {name: value}})
    for section, name, value in _SET:
        settings.read_dict({section: {name: value}})
    text = StringIO()
    settings.write(text)
    pylsl.set_config_content(text.getvalue())


def _given() -> ConfigParser:
    """Return the person's own settings; none where they cannot be read."""
    places = (
        os.environ.get("LSLAPICFG", ""),
        "lsl_api.cfg",
        os.path.expanduser("~/lsl_api/lsl_api.cfg"),
        "/etc/lsl_api/lsl_api.cfg",
    )
    settings = ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    settings.optionxform = str  # type: ignore[assignment, method-assign]
    file = next((Path(place) for place in places if place and Path(place).is_file()), None)
    if file is not None:
        try:
            settings.read_string(file.read_text(encoding="utf-8", errors="replace"))
        except (ConfigError, OSError):
            return ConfigParser()
    return settings

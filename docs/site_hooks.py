"""Pages of the site that lie outside this folder, and links to them."""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "core/encoders/eegpt/weights/starter.md": "starter.md",
    "core/encoders/bandpower/weights/imagery.md": "imagery.md",
    "core/encoders/bandpower/weights/imagery-2.md": "imagery-2.md",
    "core/encoders/bandpower/weights/imagery-2-with-eyes.md": "imagery-2-with-eyes.md",
    "core/fitting/transfer/population.md": "population.md",
}
"""Path from the project's folder -> name of the page."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add them."""
    for path, page in OUTSIDE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page, **_: object) -> str:
    """Turn links between this folder and the rest of the project into links between pages.

    What has no page, such as a folder of examples, keeps its text and loses its link.
    """
    sources = {name: path for path, name in OUTSIDE.items()}
    folder = posixpath.dirname(sources.get(page.file.src_uri, f"docs/{page.file.src_uri}"))

    def link(match: re.Match[str]) -> str:
        text, anchor = match[1], match[3] or ""
        target = posixpath.normpath(posixpath.join(folder, match[2]))
        if target in OUTSIDE:
            return f"[{text}]({OUTSIDE[target]}{anchor})"
        if target.startswith("docs/"):
            return f"[{text}]({target.removeprefix('docs/')}{anchor})"
        return text

    return re.sub(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)", link, markdown)

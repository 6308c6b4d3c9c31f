"""Pages of the site that lie outside docs/: README, CHANGELOG, the benchmarks, and a page for each package.

MkDocs calls these functions while it builds the site (`hooks` in mkdocs.yml). Links are written as they
lead on the disk, so that they work where the repository is read. Here they are turned to where their page
stands on the site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]

OUTSIDE = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "benchmarks/README.md": "benchmarks.md"}
"""Pages that do not lie in docs/, and where they stand on the site."""

LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)")
"""The file to which a Markdown link or picture leads, unless it lies on the network or in the page itself."""

PICTURE = re.compile(r'<img [^>]*?src="([^"]+)"[^>]*>')


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the packages to the navigation."""
    (looked_up,) = (part["Look up"] for part in config.nav or [] if "Look up" in part)
    looked_up += [{_title(package): _place_of(package)} for package in packages()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that do not lie in docs/."""
    for path, place in OUTSIDE.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / path)))
    for package in packages():
        content = f"# {_title(package)}\n\n::: {_title(package)}\n"
        files.append(File.generated(config, _place_of(package), content=content))
    return files


def _title(package: str) -> str:
    return f"grokflow.{package}" if package else "grokflow"


def _place_of(package: str) -> str:
    return f"api/{package or 'grokflow'}.md"


def packages() -> list[str]:
    """The packages that say in `__all__` what others may use; the empty name is grokflow itself."""
    sources = ROOT / "src" / "grokflow"
    inits = [sources / "__init__.py", *sorted(sources.glob("*/__init__.py"))]
    found = [init.parent.relative_to(sources).as_posix() for init in inits if "__all__" in init.read_text()]
    return ["" if name == "." else name for name in found]


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links that lead out of docs/, and those of pages from outside."""
    here = page.file.src_uri
    outside = {place: path for path, place in OUTSIDE.items()}
    folder = posixpath.dirname(outside.get(here, f"docs/{here}"))

    def turned(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, link[1]))
        return posixpath.relpath(_place(path, config, files), posixpath.dirname(here) or ".")

    return LINK.sub(turned, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make each picture a link to itself, because on a small screen it is small."""
    return PICTURE.sub(lambda picture: f'<a href="{picture[1]}">{picture[0]}</a>', html)


def _place(path: str, config: MkDocsConfig, files: Files) -> str:
    """Where a file of the repository stands on the site; one that is no page is put there, too."""
    if path in OUTSIDE:
        return OUTSIDE[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    place = f"files/{path}"
    if (ROOT / path).is_file() and files.get_file_from_path(place) is None:
        files.append(File.generated(config, place, abs_src_path=str(ROOT / path)))
    return place

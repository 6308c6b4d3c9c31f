"""Look up every link of a built site: its file must be there, and its anchor in it; nothing is fetched.

`python docs/check_links.py site`. A page may link to other sites, which are not looked up, but may load
nothing from them. The exit status is 1 if a link is wrong.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""The attribute by which an element loads a file; that of `a` is followed only when a reader clicks on it."""


class Page(HTMLParser):
    """The anchors and links of a page."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element is called and what it refers to."""
        given = dict(attrs)
        self.anchors |= {name for name in (given.get("id"), given.get("name")) if name}
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        if tag in LOADS and given.get(LOADS[tag]) and given.get("rel") != "canonical":
            self.loaded.append(str(given[LOADS[tag]]))


def wrong_links(site: Path) -> list[str]:
    """One line for each link that leads nowhere, and for each file that is loaded from another site."""
    pages = {file.resolve(): Page(file) for file in sorted(site.rglob("*.html"))}
    found = []
    for file, page in pages.items():
        for link in page.links + page.loaded:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                problem = "loaded from another site" if link in page.loaded and parts.netloc else ""
            else:
                problem = _problem(parts.path, unquote(parts.fragment), file, pages, site)
            if problem:
                found.append(f"{file.relative_to(site.resolve())}: {link}: {problem}")
    return found


def _problem(path: str, anchor: str, file: Path, pages: dict[Path, Page], site: Path) -> str:
    """What is wrong with a link inside the site; empty if nothing is."""
    folder = site if path.startswith("/") else file.parent
    target = (folder / unquote(path).lstrip("/")).resolve() if path else file
    if target.is_dir():
        target = target / "index.html"
    if not target.is_file():
        return "no such file"
    if anchor and target in pages and anchor not in pages[target].anchors:
        return "no such anchor"
    return ""


def main() -> None:
    """The command `python docs/check_links.py site`."""
    site = Path(sys.argv[1])
    count = len(list(site.rglob("*.html")))
    wrong = wrong_links(site)
    print("\n".join([*wrong, f"{site}: {count} pages, {len(wrong) or 'no'} wrong links"]))
    sys.exit(1 if wrong or not count else 0)


if __name__ == "__main__":
    main()

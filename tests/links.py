"""Checks the links of the pages, of the guide, and of the book that mdBook made of it.

    python3 tests/links.py [BOOK]

Of a page in Markdown, each relative link must name a file of the repository, and what stands behind `#` a
heading of it; an `{{#include}}` of the guide must name a file, too, and its chapters are those in SUMMARY.md.
BOOK is the folder with the book's HTML: there, too, every relative link must lead somewhere. Links to other
hosts are looked at for their form alone, and nothing is asked from the network.
"""

import html.parser
import pathlib
import re
import sys
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs/guide/src"
FENCE = re.compile(r"^(```+|~~~+).*?^\1 *$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(?:(?!`).|(?<!`)`(?!`))*?\1", re.DOTALL)
LINKS = re.compile(r"\]\(([^()\s]+(?:\([^()\s]*\))?)[^()]*\)|^\[[^\]]+\]: (\S+)|<(https?:[^>\s]*)>", re.MULTILINE)
INCLUDE = re.compile(r"\{\{#\w+ ([^}:]+)")

problems = []


def complain(where, what):
    problems.append(f"{where}: {what}")


def name(path):
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def anchors(text):
    """What stands behind `#` in links to the headings of a page, as code hosts and mdBook derive it."""
    found = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", FENCE.sub("", text), re.MULTILINE):
        heading = re.sub(r"\]\([^)]*\)", "]", heading).lower()
        anchor = re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading))
        count = 1
        unique = anchor
        while unique in found:
            unique, count = f"{anchor}-{count}", count + 1
        found.add(unique)
    return found


def check_address(where, link):
    address = urllib.parse.urlsplit(link)
    if address.scheme not in ("http", "https") or not re.fullmatch(r"[\w.-]+\.[a-z]{2,}", address.netloc):
        complain(where, f"{link} is no address of a page")


def check_page(page):
    text = page.read_text(encoding="utf-8")
    for include in INCLUDE.findall(text) if page.parent == GUIDE else []:
        if not (page.parent / include).is_file():
            complain(name(page), f"includes {include}, which is no file")
    prose = CODE.sub("", FENCE.sub("", text))
    for match in LINKS.finditer(prose):
        link = next(filter(None, match.groups()))
        if urllib.parse.urlsplit(link).scheme:
            check_address(name(page), link)
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / urllib.parse.unquote(path)).resolve() if path else page
        if not target.exists() or not target.is_relative_to(ROOT) or target.is_relative_to(ROOT / "target"):
            complain(name(page), f"{link} leads to no file of the repository")
        elif anchor and (target.suffix != ".md" or anchor not in anchors(target.read_text(encoding="utf-8"))):
            complain(name(page), f"{link}: there is no such heading")
        elif page.parent == GUIDE and target.parent != GUIDE and not path.startswith("../../../"):
            complain(name(page), f"{link} does not begin with ../../../, and so leads nowhere in the book")


def check_summary():
    listed = re.findall(r"\]\(([^)]+)\)", (GUIDE / "SUMMARY.md").read_text(encoding="utf-8"))
    present = {page.name for page in GUIDE.glob("*.md")} - {"SUMMARY.md"}
    for chapter in sorted(present - set(listed)):
        complain("docs/guide/src/SUMMARY.md", f"lacks {chapter}")


class Page(html.parser.HTMLParser):
    """The links of a page of the book, and what can be linked to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, _tag, attributes):
        for key, value in attributes:
            if key in ("href", "src") and value:
                self.links.append(value)
            elif key in ("id", "name") and value:
                self.ids.add(value)


def check_book(book):
    # The page for addresses that are not found has a base address of its own.
    pages = {path: Page(path) for path in sorted(book.glob("*.html")) if path.name != "404.html"}
    if not pages:
        complain(name(book), "there is no book here: `mdbook build docs/guide`")
    for path, page in pages.items():
        for link in page.links:
            if urllib.parse.urlsplit(link).scheme:
                continue
            target, _, anchor = link.partition("#")
            target = (path.parent / urllib.parse.unquote(target)).resolve() if target else path
            if not target.exists():
                complain(name(path), f"{link} leads to no file")
            elif anchor and target in pages and urllib.parse.unquote(anchor) not in pages[target].ids:
                complain(name(path), f"{link}: there is no such place")


pages = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *ROOT.glob("docs/*.md"), *GUIDE.glob("*.md")]
for page in sorted(pages):
    check_page(page)
check_summary()
if len(sys.argv) > 1:
    check_book(pathlib.Path(sys.argv[1]).resolve())
print("\n".join(problems) if problems else f"the links of {len(pages)} pages lead somewhere")
sys.exit(1 if problems else 0)

"""Links of README, docs and model card lead to files and headings that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("weights/*.md")])
PAGES = [page for page in PAGES if "generated" not in page.parts]
# [text](target) of Markdown, and the images and inclusions of MyST's directives
_LINK = re.compile(r"\]\(([^)\s]+)\)|^```\{(?:image|include)\} (\S+)", re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    """The anchors that GitHub and MyST give to headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    broken = []
    for match in _LINK.finditer(page.read_text()):
        target = match[1] or match[2]
        if target.startswith(("http://", "https://", "mailto:")) or "generated/" in target:
            continue
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        if not linked.exists() or (anchor and anchor not in _anchors(linked)):
            broken.append(target)
    assert not broken


def test_every_page_is_in_the_table_of_contents():
    index = (ROOT / "docs" / "index.md").read_text()
    pages = {str(page.relative_to(ROOT / "docs").with_suffix("")) for page in PAGES if page.is_relative_to(ROOT / "docs")}
    listed = set(re.findall(r"^[\w/]+$", index, re.MULTILINE))
    assert pages - {"index"} == listed & pages and listed <= pages

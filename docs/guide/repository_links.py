"""A preprocessor of mdBook, which turns the ending of each link to a page `.md` into `.html`, also where
the page is no chapter but a file of the repository. Those keep theirs: its last letter is escaped."""

import json
import re
import sys

LINK = re.compile(r"(\]\(|\]: )((?:\.\./)+[^\s)#]*)\.md(?=[\s)#]|$)")


def mend(item):
    chapter = item.get("Chapter") if isinstance(item, dict) else None
    if chapter:
        chapter["content"] = LINK.sub(r"\1\2.m%64", chapter["content"])
        for part in chapter["sub_items"]:
            mend(part)


if sys.argv[1:2] == ["supports"]:
    sys.exit(0 if sys.argv[2] == "html" else 1)
_, book = json.load(sys.stdin)
for item in book.get("items", book.get("sections", [])):
    mend(item)
json.dump(book, sys.stdout)

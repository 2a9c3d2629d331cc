"""Writes the pages of docs/reference/ from the tables in the source, and the settings file of the package.

    tools/docs             writes docs/reference/*.md
    tools/docs --check     exit 1 when one of them is not what this would write
    tools/docs conffile    prints safelight.conf with every setting's default, commented out
"""
import sys

sys.dont_write_bytecode = True

import pages
from tables import ROOT


def main(words):
    if words == ["conffile"]:
        sys.stdout.write(pages.conffile())
        return 0
    if words not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = []
    for name, text in pages.all_pages():
        path = ROOT / "docs/reference" / name
        if words:
            stale += [] if path.exists() and path.read_text() == text else [name]
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    for name in stale:
        print(f"docs: docs/reference/{name} is not what tools/docs writes; run: python3 tools/docs", file=sys.stderr)
    return 1 if stale else 0


sys.exit(main(sys.argv[1:]))

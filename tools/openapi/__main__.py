"""Writes docs/openapi.json, the OpenAPI 3.1 description of every address that Safelight serves.

    tools/openapi           writes it
    tools/openapi --check   compares it with routes.def and the description here; exit 1 on a difference

Methods, paths, limits of bodies and roles come from src/api/routes.def and src/api/auth.c; what goes in and out
is described in the files beside this one, a resource each.
"""
import sys

sys.dont_write_bytecode = True

import console  # noqa: F401  (describing is what importing them does)
import jobs  # noqa: F401
import messages  # noqa: F401
import team  # noqa: F401
import templates  # noqa: F401
import workers  # noqa: F401
from compose import ROOT, compose, print_json

FILE = ROOT / "docs/openapi.json"


def main():
    document, problems = compose()
    text = print_json(document) + "\n"
    if "--check" in sys.argv[1:]:
        if not FILE.exists() or FILE.read_text() != text:
            problems.append("docs/openapi.json is not what tools/openapi writes")
    else:
        FILE.write_text(text)
    for problem in problems:
        print(f"openapi: {problem}", file=sys.stderr)
    return 1 if problems else 0


sys.exit(main())

"""search.py VALUE PATH...: how many times the value stands in the files below, raw or encoded (base64 at
each alignment, percent, hex, JSON-escaped). Prints the number; names each place on stderr."""
import base64
import json
import pathlib
import sys
import urllib.parse


def forms(value: bytes):
    yield value
    yield value.hex().encode()
    yield value.hex().upper().encode()
    yield urllib.parse.quote(value, safe="").encode()
    for plain in (True, False):
        yield json.dumps(value.decode("utf-8", "surrogateescape"), ensure_ascii=plain)[1:-1].encode("utf-8", "surrogateescape")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            # Only the part that no neighbour can change.
            body = encode(b"\0" * shift + value).rstrip(b"=")
            core = body[(shift * 8 + 5) // 6 + (1 if shift else 0):len(body) - 1]
            if len(core) >= 8:
                yield core


def main():
    wanted = set(forms(sys.argv[1].encode()))
    hits = 0
    for top in map(pathlib.Path, sys.argv[2:]):
        for path in [top] if top.is_file() else [p for p in top.rglob("*") if p.is_file()]:
            data = path.read_bytes()
            for form in wanted:
                if form in data:
                    hits += 1
                    print(f"found in {path}", file=sys.stderr)
    print(hits)


if __name__ == "__main__":
    main()

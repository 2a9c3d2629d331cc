"""The documents against the tables and files they describe."""
import functools
import re
import subprocess

import pytest

from conftest import BINARY, ROOT, clean_environment

DOCUMENTS = ["README.md", "HACKING.md", "SECURITY.md", "CHANGES.md"] + sorted(
    str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))
# Ends of our own commands, and codes that no handler answers with.
NOT_ANSWERED = {"OK", "USAGE", "UNREACHABLE", "IN_USE", "LENGTH_REQUIRED"}


def read(name):
    return (ROOT / name).read_text()


def quoted(text):
    """Everything in backquotes, and nothing else."""
    return set(re.findall(r"`([^`\n]+)`", text))


def table(name, pattern):
    found = re.findall(pattern, re.sub(r"/\*.*?\*/", "", read(name), flags=re.S))
    assert found, name
    return found


def stems(suffixes=("_test", "_fuzz")):
    return sorted(p.stem for p in (ROOT / "src").rglob("*.c") if not p.stem.endswith(suffixes))


def test_the_map_names_every_source_file():
    missing = [s for s in stems() if s not in quoted(read("HACKING.md"))]
    assert not missing


def test_the_map_names_nothing_that_is_gone():
    rows = [line.split("|")[1] for line in read("HACKING.md").splitlines() if line.startswith("| `")]
    files = {p.name for p in (ROOT / "src").rglob("*")} | {p.stem for p in (ROOT / "src").rglob("*") if p.suffix in (".c", ".h", ".mjs")}
    gone = [name for row in rows for name in quoted(row) if name not in files and not (ROOT / name).exists()]
    assert not gone


def test_every_route_is_described():
    text = read("docs/API.md")
    missing = [f"{m} {p}" for m, p in table("src/api/routes.def", r'ROUTE\("(\w+)", "!?([^"]+)"') if f"`{m} {p}`" not in text and
               not re.search(rf"`{m}` the .*|`{m} {re.escape(p)}`", text)]
    assert not missing


def test_every_route_that_is_described_is_there():
    routes = {f"{m} {p}" for m, p in table("src/api/routes.def", r'ROUTE\("(\w+)", "!?([^"]+)"')}
    described = {c for c in quoted(read("docs/API.md")) if re.fullmatch(r"(GET|PUT|POST|PATCH|DELETE) /\S+", c)}
    assert described <= routes


def test_every_error_is_described():
    text = read("docs/API.md")
    rows = set(re.findall(r"^\| (\d+) \| `(\w+)` \| (.+) \|$", text, re.M))
    errors = {e for e in table("src/base/err.def", r'ERR\(\w+, (\d+), "(\w+)", "([^"]+)"\)') if e[1] not in NOT_ANSWERED}
    assert rows == errors


def test_every_audit_event_is_described():
    assert {e for e in table("src/store/audit.def", r'AUDIT\(\w+, "([^"]+)"')} <= quoted(read("docs/API.md"))


def test_the_tables_of_limits_agree():
    def number(text):
        return eval(text.replace("LL", ""))  # our own header: digits, * and parentheses

    limits = {name: number(value) for name, value in table("src/base/limit.h", r"#define (\w+)\s+([\d(][\d*() L]*)")}
    units = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "": 1}
    rows = re.findall(r"^\| `(\w+)` \| (\d+) ?([KMG]iB)? \|", read("docs/DESIGN.md"), re.M)
    assert {name: int(n) * units[unit] for name, n, unit in rows} == limits


def test_the_layers_agree():
    for name, needs in re.findall(r"^\| (\w+) \| [^|]+ \| ([a-z ]*) ?\| [^|]*\|$", read("docs/DESIGN.md"), re.M)[1:]:
        build = read(f"src/{name}/meson.build")
        listed = re.search(r"^needs = \[(.*)\]", build, re.M)
        assert needs.split() == (re.findall(r"'(\w+)'", listed.group(1)) if listed else []), name


def test_every_setting_is_described_with_its_default():
    rows = {}
    for names, default in re.findall(r"^\| ((?:`[\w-]+`(?:, )?)+) \| (\S*) ?\|", read("docs/configuration.md"), re.M):
        rows.update({name: default.strip("`") for name in quoted(names)})
    settings = dict(table("src/server/config.def", r'CONFIG_\w+\(\w+, "([\w-]+)", "([^"]*)"'))
    assert {n: d for n, d in rows.items() if n in settings} == settings


def test_every_promise_names_its_test():
    rows = re.findall(r"^\| (P\d+) [^|]+\|[^|]+\|([^|]+)\|$", read("docs/DESIGN.md"), re.M)
    assert [name for name, _ in rows] == [f"P{n}" for n in range(1, 11)]
    files = {p.name for folder in ("src", "tests", "tools") for p in (ROOT / folder).rglob("*")}
    for name, tests in rows:
        named = [t.split("/")[-1] for t in quoted(tests)]
        assert named and all(t in files for t in named), name


def safelight_commands():
    """`safelight ...` of all pages: {(its words as one line, whether it stands there to be typed)}."""
    found = set()
    for name in DOCUMENTS:
        if "reference/" in name or name.endswith("CLI.md"):
            continue
        text = re.sub(r"\\\n *", "", read(name))
        fenced = "\n".join(re.findall(r"^```(?:sh)?\n(.*?)^```$", text, re.M | re.S))
        typed = re.findall(r"^    (.*)$", text, re.M) + fenced.splitlines()
        for line, whole in [(l, True) for l in typed] + [(c, False) for c in quoted(text)]:
            for words in re.findall(r"(?:^|-- |[|(] ?|(?<!=build-dev/)(?<!=)build/)safelight ((?:[a-z]|--)[^`|&>;#]*)", line):
                found.add((words.strip(), whole))
    return sorted(found)


@functools.cache
def usage(command):
    """The usage line of a command of one or two words, or None."""
    done = subprocess.run([BINARY, *command.split(), "--help"], capture_output=True, text=True, env=clean_environment(), timeout=30)
    said = re.match(r"usage: safelight (.*?)(?:\n\n|$)", done.stdout, re.S)
    return (re.sub(r"\s+", " ", said.group(1)), done.stdout) if done.returncode == 0 and said else None


def test_every_command_in_the_documentation_is_one():
    """It exists, takes those flags, and where it stands to be typed it has those that it cannot do without."""
    wrong, commands = [], safelight_commands()
    for line, whole in commands:
        words = line.split()
        known = (usage(" ".join(words[:2])) if words[1:] and words[1].isalpha() else None) or usage(words[0])
        if not known and not words[0].startswith("-"):
            wrong.append(f"{line}: no such command")
        if not known:
            continue
        flags = set(re.findall(r"(?<=\s)--[a-z-]+", line))
        needed = set(re.findall(r"--[a-z-]+", re.sub(r"\[[^\]]*\]", "", known[0]))) if whole and "..." not in line else set()
        wrong += [f"{line}: {flag} is not taken" for flag in flags if flag not in known[1]]
        wrong += [f"{line}: {flag} is missing" for flag in needed - flags - {"--help"}]
    assert len(commands) > 60 and not wrong, "\n".join(wrong)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    here = (ROOT / document).parent
    links = [l for l in re.findall(r"\]\(([^)#]+)[^)]*\)", read(document)) if "://" not in l]
    assert not [l for l in links if not (here / l).exists()]


def headings(path):
    """The anchors that a Markdown site makes of a page's headings."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S)
    found = set()
    for heading in re.findall(r"^#+ (.+)$", text, re.M):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        found.add(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"))
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_into_pages_find_their_heading(document):
    here = ROOT / document
    dead = []
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", here.read_text()):
        page = (here.parent / target) if target else here
        if "://" not in target and page.suffix == ".md" and (not page.exists() or anchor not in headings(page)):
            dead.append(f"{target}#{anchor}")
    assert not dead


def test_every_page_can_be_reached_from_the_index():
    seen, todo = set(), [ROOT / "docs/index.md"]
    while todo:
        page = todo.pop()
        if page in seen or not page.exists():
            continue
        seen.add(page)
        links = [(page.parent / l).resolve() for l in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()) if "://" not in l]
        todo += [l for l in links if l.suffix == ".md"]
    pages = {p.resolve() for p in (ROOT / "docs").rglob("*.md") if p.parent.name not in ("decisions", "man")}
    assert not {str(p.relative_to(ROOT)) for p in pages - seen}


def test_the_reference_is_what_the_tables_say():
    done = subprocess.run(["python3", "tools/docs", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_settings_file_of_the_package_names_every_setting_with_its_default():
    text = subprocess.run(["python3", "tools/docs", "conffile"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    settings = dict(table("src/server/config.def", r'CONFIG_\w+\(\w+, "([\w-]+)", "([^"]*)"'))
    assert dict(re.findall(r"^#([a-z-]+) = ?(.*)$", text, re.M)) == settings
    assert not [l for l in text.splitlines() if l and not l.startswith("#")]


@pytest.mark.parametrize("path", ["src/cli/commands.def", "src/cli/flags.def", "src/server/config.def", "src/base/err.def", "src/base/metric.def", "src/store/audit.def"])
def test_no_explanation_of_a_table_is_empty(path):
    """Each row ends with its text for people, which help, manuals and reference are made from."""
    text = re.sub(r"/\*.*?\*/|\\\n", "", read(path), flags=re.S)
    rows = [line for line in text.splitlines() if re.match(r"[A-Z_]+\(.*\)$", line)]
    ends = [re.search(r'"((?:[^"\\]|\\.)*)"(?:, \w+)*\)$', line) for line in rows]
    assert len(rows) > 10 and not [row for row, end in zip(rows, ends) if not end or len(end.group(1).strip()) < 2]


def test_make_and_check_have_what_is_promised():
    text = read("README.md") + read("HACKING.md")
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.M))
    assert {t for t in re.findall(r"(?:^    |`)make ([a-z]+)", text, re.M)} <= targets
    steps = set(re.findall(r"^def step_(\w+)", read("tools/check"), re.M))
    named = re.search(r"tools/check style unit +# some: ([\w ]+)$", read("HACKING.md"), re.M)
    assert set(named.group(1).split()) == steps


def test_the_license_is_whole():
    text = read("LICENSE")
    assert "Apache License" in text and "END OF TERMS AND CONDITIONS" in text

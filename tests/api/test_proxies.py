"""The configurations of docs/howto/reverse-proxy.md, in nginx and Caddy as Debian has them, before a real server."""
import os
import re
import socket
import subprocess

import pytest
import requests

from conftest import BINARY, ROOT, SLOW, canary, clean_environment, engine, until

pytestmark = pytest.mark.slow
PAGE = ROOT / "docs/howto/reverse-proxy.md"
NAME = "safelight.example.com"


def configuration(kind):
    found = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    assert len(found) == 1
    return found[0]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", f"/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")], check=True, capture_output=True)


def replaced(text, *pairs):
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx(folder, port, upstream):
    site = replaced(configuration("nginx"), ("listen 443 ssl http2", f"listen 127.0.0.1:{port} ssl http2"), ("http://127.0.0.1:4300", upstream), (f"server_name {NAME}", "server_name localhost"),
                    (f"/etc/ssl/{NAME}.pem", str(folder / "cert.pem")), (f"/etc/ssl/private/{NAME}.key", str(folder / "key.pem")))
    paths = "".join(f"{kind}_temp_path {folder}/nginx-{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    # As root, the folder of the test is closed to www-data.
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(f"{user}daemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/nginx.log;\nevents {{}}\nhttp {{\n{paths}{site}}}\n")
    return ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)], {}


def caddy(folder, port, upstream):
    site = replaced(configuration("caddy"), (f"{NAME} {{", f"https://localhost:{port} {{\n\tbind 127.0.0.1\n\ttls {folder}/cert.pem {folder}/key.pem"),
                    ("127.0.0.1:4300", upstream.removeprefix("http://").replace("unix:", "unix/")))
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + site)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")], {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}


@pytest.fixture(params=[(nginx, False), (caddy, False), (nginx, True), (caddy, True)], ids=["nginx", "caddy", "nginx-unix", "caddy-unix"])
def behind(request, fresh):
    """A server behind a proxy: (server, session that trusts the proxy's certificate, its address)."""
    (kind, local), port = request.param, free_port()
    server = fresh("--public-url", f"https://localhost:{port}", "--metrics", "loopback", start=False)
    if local:
        server.flags += ["--listen", f"unix:{server.folder}/http.sock"]
    server.start()
    certificate(server.folder)
    command, env = kind(server.folder, port, f"http://unix:{server.folder}/http.sock" if local else server.url)
    log = open(server.folder / "proxy.log", "w")
    proxy = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], **env})
    session = requests.Session()
    session.trust_env = False  # REQUESTS_CA_BUNDLE would be stronger than what follows
    session.verify = str(server.folder / "cert.pem")
    session.headers["Authorization"] = f"Bearer {server.token}"
    try:
        def answers():
            assert proxy.poll() is None, (server.folder / "proxy.log").read_text()
            try:
                return session.get(f"https://localhost:{port}/readyz", timeout=30).status_code == 200
            except requests.ConnectionError:
                return False
        until(answers, 20, "the proxy's answer")
        yield server, session, f"https://localhost:{port}"
    finally:
        session.close()
        proxy.terminate()
        proxy.wait(20 * SLOW)


def test_the_page_says_how_the_socket_is_named():
    text = PAGE.read_text()
    assert text.count("/run/safelight-http.sock") == 3 and "`proxy_pass http://unix:/" in text and "`reverse_proxy unix//" in text


def test_secrets_and_a_large_output_go_through_and_leave_nothing_behind(behind):
    server, session, url = behind
    value = canary()
    assert session.put(f"{url}/api/v2/secrets", json={"name": "K", "value": value}, timeout=30).status_code == 201
    assert [s["name"] for s in session.get(f"{url}/api/v2/secrets", timeout=30).json()] == ["K"]
    assert session.put(f"{url}/api/v2/secrets", json={"name": "K", "value": value}, timeout=30).status_code == 409
    assert requests.get(f"{url}/api/v2/secrets", verify=session.verify, timeout=30).status_code == 401
    assert session.get(f"{url}/metrics", timeout=30).status_code == 404, "whoever comes through the proxy is not this machine"

    # The worker goes through the proxy too, with 24 MiB: more than proxies take, or keep in memory, by default.
    program = engine(server.folder, 'head -c 25165824 /dev/zero | tr "\\0" "x" > "$SAFELIGHT_OUTPUT"')
    job = session.post(f"{url}/api/v2/jobs", json={"engine": program.name, "assets": []}, timeout=30).json()["id"]
    done = subprocess.run([BINARY, "worker", "--engine", str(program), "--once"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60 * SLOW,
                          env=clean_environment(SAFELIGHT_URL=url, SAFELIGHT_TOKEN=server.new_token("worker"), SAFELIGHT_CA_FILE=session.verify, TMPDIR=str(server.folder)))
    assert done.returncode == 0, done.stderr
    ended = session.get(f"{url}/api/v2/jobs/{job}", timeout=30).json()
    assert ended["status"] == "finished" and ended["outputUrl"].startswith(url + "/o/")
    assert len(requests.get(ended["outputUrl"], verify=session.verify, timeout=30).content) == 25165824

    assert not server.places_of(value), "no body on a disk, no value in a log"
    said = "".join(p.read_text() for p in (server.folder / "proxy.log", server.folder / "nginx.log") if p.exists())
    assert "temporary file" not in said and "/o/" not in said and "/t/" not in said, said

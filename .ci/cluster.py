"""Replicas of both runtimes behind haproxy, with one Redis, and users who sign in to them."""

import base64
import hashlib
import html
import http.client
import json
import os
import re
import secrets
import signal
import subprocess
import tempfile
import threading
import time
import urllib.parse

USERS = ["alice", "bob", "grace"]
SESSIONS_PER_USER = 2
RUNTIMES = ["smol", "blocking", "smol"]
REDIRECT_URI = "http://127.0.0.1:9/callback"
# The application of the development tenant, which is public and worthless.
APPLICATION = {
    "AZURE_TENANT_ID": "5a4d9c1e-7b3f-4c26-9e8a-d3e7e4a70001",
    "AZURE_CLIENT_ID": "0f1c6b52-93d8-4e7a-b0c4-d3e7e4a70002",
    "AZURE_CLIENT_SECRET": "dev8Q~public.and-worthless_0123456789.abc",
}
# Nobody has done it, or somebody has and we do not know: it is done again.
AGAIN = {None, 429, 502, 503, 504}

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
folder = tempfile.mkdtemp(prefix="entra-mcp-replicas-")
PUBLIC, TENANT, OTHER, *REPLICAS = map(int, subprocess.check_output([".ci/free_port", "9"]).split())
# Where each of them shows its counters.
REPLICAS, METRICS = REPLICAS[:3], dict(zip(REPLICAS[:3], REPLICAS[3:]))
URL = f"http://localhost:{PUBLIC}"
KEY = base64.b64encode(secrets.token_bytes(32)).decode()
running, failures, counts = {}, [], {}
counting, stop = threading.Lock(), threading.Event()


def count(what):
    with counting:
        counts[what] = counts.get(what, 0) + 1


def start(name, command, **variables):
    log = open(f"{folder}/{name}.log", "a")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("AZURE_", "ENTRA_MCP_"))}
    running[name] = subprocess.Popen(
        command, env=clean | variables, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )


def end(name, how=signal.SIGKILL):
    process = running.pop(name)
    process.send_signal(how)
    process.wait()


def start_redis():
    start(
        "redis",
        ["redis-server", "--port", "0", "--unixsocket", f"{folder}/redis.sock", "--save", "", "--dir", folder]
        + ["--appendonly", "yes", "--appendfsync", "always"],
    )


def program(runtime):
    return os.path.abspath(f"target/debug/entra-mcp-{runtime}")


def everything(runtime):
    """The same with tools that announce changes and that last."""
    return os.path.abspath(f"target/debug/examples/everything-{runtime}")


def start_replica(index, *arguments):
    # A gateway has no tools of its own.
    server = program if "--backend" in arguments else everything
    start(
        f"replica-{index}",
        [server(RUNTIMES[index]), "--metrics-listen", f"localhost:{METRICS[REPLICAS[index]]}", "--listen", f"localhost:{REPLICAS[index]}", "--public-url", URL]
        # Twice the interval of haproxy's checks, and more on a machine that does something else as well.
        + ["--store", f"redis+unix://{folder}/redis.sock", "--shutdown-delay", "2s", *arguments],
        ENTRA_MCP_KEY=KEY,
        AZURE_AUTHORITY_HOST=f"http://localhost:{TENANT}",
        **APPLICATION,
    )


def start_haproxy():
    servers = "\n".join(f"    server r{index} 127.0.0.1:{port}" for index, port in enumerate(REPLICAS))
    with open(f"{folder}/haproxy.cfg", "w") as file:
        file.write(
            f"""
defaults
    mode http
    timeout connect 1s
    timeout check 2s
    timeout client 1h
    timeout server 1h
frontend public
    bind 127.0.0.1:{PUBLIC}
    default_backend replicas
backend replicas
    balance roundrobin
    option httpchk
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host localhost
    http-check expect status 200
    default-server check inter 200ms fall 1 rise 1
    option redispatch 1
    retries 2
    retry-on conn-failure
{servers}
"""
        )
    start("haproxy", ["haproxy", "-db", "-f", f"{folder}/haproxy.cfg"])


def send(method, target, headers=None, body=None, port=None, timeout=20):
    """The status, the headers and the body of a response; no status if there was none, or not all of it."""
    connection = http.client.HTTPConnection("127.0.0.1", port or PUBLIC, timeout=timeout)
    try:
        connection.request(method, target, body, {"Host": f"localhost:{port or PUBLIC}"} | (headers or {}))
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    except (OSError, http.client.HTTPException):
        return None, {}, ""
    finally:
        connection.close()


def patiently(*request, **options):
    """The same, until somebody answers."""
    give_up = time.monotonic() + 60
    while True:
        answer = send(*request, **options)
        if answer[0] not in AGAIN:
            return answer
        count(f"not answered: {answer[0]}")
        if time.monotonic() > give_up:
            raise AssertionError(f"{request[:2]} is not answered any more: {answer}")
        time.sleep(0.1)


def form(fields):
    return {"Content-Type": "application/x-www-form-urlencoded"}, urllib.parse.urlencode(fields)


class Browser:
    """Follows redirects, keeps cookies, presses buttons."""

    def __init__(self):
        self.cookies = {}

    def open(self, url, method="GET", headers=None, body=None):
        for _ in range(10):
            if url.startswith(REDIRECT_URI):
                return url, ""
            place = urllib.parse.urlsplit(url)
            cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            target = urllib.parse.urlunsplit(("", "", place.path, place.query, ""))
            status, got, text = patiently(method, target, {"Cookie": cookies} | (headers or {}), body, port=place.port)
            for cookie in got.get_all("Set-Cookie") or []:
                name, value = cookie.split(";")[0].split("=", 1)
                if "Max-Age=0" in cookie:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = value
            if status not in (302, 303):
                return url, text
            url, method, headers, body = urllib.parse.urljoin(url, got["Location"]), "GET", None, None
        raise AssertionError("too many redirects")

    def press(self, url, page, label):
        for tag, inner in re.findall(r"<form([^>]*)>(.*?)</form>", page, re.S):
            for button, text in re.findall(r"<button([^>]*)>(.*?)</button>", inner, re.S):
                if label.lower() in re.sub("<[^>]*>", " ", text).lower():
                    fields = [attributes(one) for one in re.findall(r"<input([^>]*)>", inner)]
                    fields = {one["name"]: one["value"] for one in fields if one.get("type") == "hidden"}
                    pressed = attributes(button)
                    headers, body = form(fields | {pressed["name"]: pressed["value"]})
                    place = urllib.parse.urlsplit(url)
                    headers["Origin"] = f"{place.scheme}://{place.netloc}"
                    action = urllib.parse.urljoin(url, attributes(tag)["action"])
                    return self.open(action, "POST", headers, body)
        return url, ""


def attributes(tag):
    return {name: html.unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}


class Session:
    """A user who has signed in with a client, and what the server has acknowledged."""

    def __init__(self, user):
        self.user, self.tokens, self.mcp_session = user, None, None
        while self.tokens is None:
            self.sign_in()

    def sign_in(self):
        metadata = {"client_name": "Replicas", "redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"}
        status, _, body = patiently("POST", "/register", {"Content-Type": "application/json"}, json.dumps(metadata))
        assert status == 201, body
        self.client = json.loads(body)["client_id"]
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {"response_type": "code", "client_id": self.client, "redirect_uri": REDIRECT_URI, "state": "s"}
        asked |= {"code_challenge": challenge, "code_challenge_method": "S256", "resource": f"{URL}/mcp"}
        browser = Browser()
        page = browser.open(f"{URL}/authorize?{urllib.parse.urlencode(asked)}")
        page = browser.press(*page, "approve")
        url, _ = browser.press(*page, self.user)
        # What the client is told in place of tokens, by whichever step.
        self.told = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        code = self.told.get("code")
        if not url.startswith(REDIRECT_URI) or not code:
            # Something was away amid the sign-in, which is said in words: the user tries again.
            return count("sign-ins that were begun anew")
        fields = {"grant_type": "authorization_code", "client_id": self.client, "code": code}
        fields |= {"code_verifier": verifier, "redirect_uri": REDIRECT_URI}
        status, _, body = patiently("POST", "/token", *form(fields))
        if status == 200:
            self.tokens = json.loads(body)
            return count("sign-ins")
        self.told = json.loads(body)
        # Its first answer was lost on its way; or there is no store, and it does not come again.
        expected = "temporarily_unavailable" if status == 503 else "invalid_grant"
        assert self.told["error"] == expected, body
        return count("sign-ins that were begun anew")

    def post(self, method, params, port=None):
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}", "Content-Type": "application/json"}
        headers |= {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
        if port:
            headers["Host"] = f"localhost:{PUBLIC}"
        if self.mcp_session and method != "initialize":
            headers["Mcp-Session-Id"] = self.mcp_session
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        while True:
            status, got, body = patiently("POST", "/mcp", headers, json.dumps(message), port=port)
            # A stream that was cut has no answer.
            if status != 200 or '"result"' in body or '"error"' in body:
                return status, got, body
            count("answers that were cut")

    def initialize(self, port=None):
        params = {"protocolVersion": "2025-11-25", "capabilities": {"elicitation": {}}}
        status, got, body = self.post("initialize", params | {"clientInfo": {"name": "r", "version": "1"}}, port)
        assert status == 200, f"a session of {self.user} is lost: {status} {body}"
        self.mcp_session = got["Mcp-Session-Id"]

    def open(self, message, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        headers = {"Host": f"localhost:{PUBLIC}", "Authorization": f"Bearer {self.tokens['access_token']}"}
        headers |= {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
        headers |= {"Mcp-Session-Id": self.mcp_session, "MCP-Protocol-Version": "2025-11-25"}
        connection.request("POST", "/mcp", json.dumps(message), headers)
        return connection.getresponse()

    def send_message(self, message, port):
        return self.open(message, port).status

    def stream(self, tool, port):
        """The messages that a call is answered with."""
        params = {"name": tool, "arguments": {}, "_meta": {"progressToken": 1}}
        response = self.open({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, port)
        assert response.status == 200, response.read()
        for line in response:
            if line.startswith(b"data: "):
                yield line.removeprefix(b"data: ").decode()

    def call(self):
        if self.mcp_session is None:
            self.initialize()
        status, _, body = self.post("tools/call", {"name": "getUserDetails", "arguments": {}})
        assert status == 200, f"a session of {self.user} is lost: {status} {body}"
        # Not by the mail address, which one of them shares with another.
        names = set(re.findall(r"userPrincipalName\W+(\w+)@", body))
        # Graph may be out of reach of a replica that is being killed.
        assert names <= {self.user}, f"{self.user} sees {names}"
        count("calls" if names else "calls without details")

    def refresh(self):
        fields = {"grant_type": "refresh_token", "client_id": self.client, "refresh_token": self.tokens["refresh_token"]}
        status, _, body = patiently("POST", "/token", *form(fields))
        assert status == 200, f"a refresh token of {self.user} is lost: {status} {body}"
        self.tokens = json.loads(body)
        count("refreshes")

    def use(self):
        while not stop.is_set():
            for _ in range(5):
                self.call()
                time.sleep(0.05)
            self.refresh()

    def revoke(self, lasting):
        """Ends it while a stream is open on each replica, and calls and tasks last; after how many seconds each has ended."""
        fields = {"client_id": self.client, "token": self.tokens["refresh_token"]}

        def end():
            status, _, body = patiently("POST", "/revoke", *form(fields))
            assert status == 200, body

        return self.end_by(end, lasting)

    def end_by(self, end, lasting=None):
        ends, opened = {}, threading.Barrier(len(REPLICAS) + 1)
        streams = [threading.Thread(target=self.listen, args=(port, opened, ends)) for port in REPLICAS]
        for stream in streams:
            stream.start()
        opened.wait(30)
        end()
        revoked = time.monotonic()
        if lasting:
            ends["calls and tasks"] = lasting.ended()
        for stream in streams:
            stream.join()
        for port in REPLICAS:
            status, _, _ = self.post("tools/call", {"name": "getUserDetails", "arguments": {}}, port)
            assert status == 401, f"a session that has ended is served: {status}"
        return [moment - revoked for moment in ends.values()]

    def listen(self, port, opened, ends):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"Host": f"localhost:{PUBLIC}", "Authorization": f"Bearer {self.tokens['access_token']}"}
        headers |= {"Accept": "text/event-stream", "Mcp-Session-Id": self.mcp_session}
        connection.request("GET", "/mcp", headers=headers | {"MCP-Protocol-Version": "2025-11-25"})
        response = connection.getresponse()
        assert response.status == 200, response.read()
        # The first comment.
        response.readline()
        opened.wait(30)
        response.read()
        ends[port] = time.monotonic()


def guarded(work):
    def run(*arguments):
        try:
            work(*arguments)
        except Exception as error:  # noqa: BLE001
            failures.append(f"{type(error).__name__}: {error}")
            stop.set()

    return run


def in_threads(work, arguments):
    threads = [threading.Thread(target=guarded(work), args=one) for one in arguments]
    for thread in threads:
        thread.start()
    return threads


def until(what, is_so):
    give_up = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < give_up, f"{what} takes too long"
        time.sleep(0.05)


def is_ready(port):
    return send("GET", "/readyz", port=port)[0] == 200


def restarted(index, *arguments):
    name = f"replica-{index}"
    if name not in running or running[name].poll() is not None:
        start_replica(index, *arguments)
        time.sleep(0.2)
    return is_ready(REPLICAS[index])

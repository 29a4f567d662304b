"""What lasts on replicas: streams that come back when theirs was cut, calls, and tasks."""

import http.client
import json
import re
import threading
import time

from cluster import AGAIN, METRICS, PUBLIC, count, failures, send, stop, until

STATELESS = "2026-07-28"


class Listener:
    """A stream of a session, which is opened again whenever it ends, by whichever replica the balancer chooses."""

    def __init__(self, session):
        self.session, self.is_open, self.is_wanted = session, False, True
        # How often a change was announced to it.
        self.heard = 0
        self.connection = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while self.is_wanted:
                self.listen()
                self.is_open = False
                time.sleep(0.3)
        except Exception as error:  # noqa: BLE001
            if self.is_wanted:
                failures.append(f"a stream of {self.session.user}: {type(error).__name__}: {error}")
                stop.set()

    def listen(self):
        headers = {"Host": f"localhost:{PUBLIC}", "Authorization": f"Bearer {self.session.tokens['access_token']}"}
        headers |= {"Accept": "text/event-stream", "Mcp-Session-Id": self.session.mcp_session}
        self.connection = http.client.HTTPConnection("127.0.0.1", PUBLIC, timeout=60)
        try:
            self.connection.request("GET", "/mcp", headers=headers | {"MCP-Protocol-Version": "2025-11-25"})
            response = self.connection.getresponse()
            if response.status in AGAIN:
                return
            assert response.status == 200, f"{response.status} {response.read()}"
            for line in response:
                self.read(line.decode().rstrip("\n"))
        except (OSError, http.client.HTTPException):
            # It was cut, or nobody was there.
            pass
        finally:
            self.connection.close()

    def read(self, line):
        if line.startswith(":") and not self.is_open:
            self.is_open = True
            count("streams that were opened")
        if line.startswith("retry:"):
            count("streams that were told to come back")
        if line.startswith("data: ") and line != "data: ":
            method = json.loads(line.removeprefix("data: "))["method"]
            # Nobody says anything else to it: what another is told is not for this user.
            assert method == "notifications/tools/list_changed", line
            self.heard += 1

    def close(self):
        self.is_wanted = False
        if self.connection and self.connection.sock:
            self.connection.sock.shutdown(2)
        self.thread.join(10)


def announce(session):
    status, _, body = session.post("tools/call", {"name": "test_trigger_tool_change", "arguments": {}})
    assert status == 200, body
    count("announcements")


def announce_now_and_then(session):
    while not stop.is_set():
        announce(session)
        time.sleep(1)


def all_hear(listeners, session):
    """Whoever was cut off has come back, and hears what is announced then."""
    until("a stream", lambda: all(listener.is_open for listener in listeners))
    before = [listener.heard for listener in listeners]
    began = time.monotonic()
    announce(session)
    until("an announcement", lambda: all(one.heard > heard for one, heard in zip(listeners, before)))
    print(f"{len(listeners)} streams have heard an announcement after {time.monotonic() - began:.2f} s")


def hear_of_resource(session, port, opened, heard):
    """A stream of a session at one replica, until it hears that the watched resource has changed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Host": f"localhost:{PUBLIC}", "Authorization": f"Bearer {session.tokens['access_token']}"}
    headers |= {"Accept": "text/event-stream", "Mcp-Session-Id": session.mcp_session}
    connection.request("GET", "/mcp", headers=headers | {"MCP-Protocol-Version": "2025-11-25"})
    response = connection.getresponse()
    assert response.status == 200, response.read()
    # The first comment.
    response.readline()
    opened.wait(30)
    for line in response:
        if b"notifications/resources/updated" in line:
            heard[port] = time.monotonic()
            break
    connection.close()


def settings_hold(session, ports):
    """A log level and a subscription that one replica has taken hold on all of them."""
    session.mcp_session = None
    session.initialize(ports[0])
    heard, opened = {}, threading.Barrier(len(ports) + 1)
    streams = [threading.Thread(target=hear_of_resource, args=(session, port, opened, heard)) for port in ports]
    for stream in streams:
        stream.start()
    opened.wait(30)
    status, _, body = session.post("resources/subscribe", {"uri": "test://watched-resource"}, ports[1])
    assert status == 200 and '"result"' in body, body
    subscribed = time.monotonic()
    while len(heard) < len(ports):
        session.post("tools/call", {"name": "test_trigger_resource_change", "arguments": {}}, ports[2])
        # By the store alone it takes up to fifteen seconds.
        assert time.monotonic() - subscribed < 25, f"not all streams know of a subscription: {heard}"
        time.sleep(0.2)
    for stream in streams:
        stream.join()
    for taken, (level, lines) in zip(ports, [("error", 0), ("debug", 3), ("error", 0)]):
        status, _, body = session.post("logging/setLevel", {"level": level}, taken)
        assert status == 200 and '"result"' in body, body
        for port in ports:
            _, _, body = session.post("tools/call", {"name": "test_tool_with_logging", "arguments": {}}, port)
            assert body.count("notifications/message") == lines, f"{level} is not the level of another replica: {body}"
    slowest = max(heard.values()) - subscribed
    print(f"a subscription at one replica has reached the streams of all after {slowest:.2f} s, and so does a log level")


class Lasting:
    """A call and a task of a session on each replica, and when they ended."""

    def __init__(self, session, ports):
        self.session, self.ports, self.ends = session, ports, {}
        before = [entries(port) for port in ports]
        self.calls = [threading.Thread(target=self.call, args=(port,)) for port in ports]
        for call in self.calls:
            call.start()
        for port in ports:
            self.begin_task(port)
        # Others of this cluster run for a moment only.
        for port, (calls, tasks) in zip(ports, before):
            until("a call", lambda port=port, calls=calls: entries(port)[0] > calls)
            assert entries(port)[1] > tasks, "a task does not run"

    def call(self, port):
        arguments = {"seconds": 300, "label": "x"}
        message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call"}
        response = self.session.open(message | {"params": {"name": "slow_compute", "arguments": arguments}}, port)
        body = response.read().decode()
        assert "took" not in body, body
        self.ends[f"call on {port}"] = time.monotonic()

    def begin_task(self, port):
        meta = {
            "io.modelcontextprotocol/protocolVersion": STATELESS,
            "io.modelcontextprotocol/clientInfo": {"name": "r", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
        }
        params = {"name": "slow_compute", "arguments": {"seconds": 300, "label": "x"}, "_meta": meta}
        headers = {"Authorization": f"Bearer {self.session.tokens['access_token']}", "Content-Type": "application/json"}
        headers |= {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": STATELESS}
        headers |= {"Host": f"localhost:{PUBLIC}", "Mcp-Method": "tools/call", "Mcp-Name": "slow_compute"}
        message = json.dumps({"jsonrpc": "2.0", "id": 8, "method": "tools/call", "params": params})
        status, _, body = send("POST", "/mcp", headers, message, port=port)
        assert status == 200 and '"taskId"' in body, f"{status} {body}"

    def ended(self):
        """When the last of them ended."""
        for port in self.ports:
            until("the end of a task", lambda port=port: entries(port)[1] == 0)
            self.ends[f"task on {port}"] = time.monotonic()
        for call in self.calls:
            call.join(60)
        assert len(self.ends) == 2 * len(self.ports), self.ends
        return max(self.ends.values())


def entries(port):
    """How many calls and tasks a replica has under way."""
    _, _, text = send("GET", "/metrics", port=METRICS[port])
    found = [re.search(rf'table_entries{{table="{table}"}} (\d+)', text) for table in ["calls", "tasks"]]
    return [int(one[1]) for one in found]

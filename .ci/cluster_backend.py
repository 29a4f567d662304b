"""An MCP server behind the replicas, of two tools: `ask` asks the user, `wait` waits until it is cancelled."""

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

INFO = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "b", "version": "1"}}


class Backend:
    def __init__(self):
        # What clients have answered, and the requests that were cancelled.
        self.answers, self.cancelled = queue.Queue(), queue.Queue()
        handler = type("Handler", (Handler,), {"backend": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/mcp"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method, params = message.get("method"), message.get("params", {})
        if method == "tools/call":
            return self.call(message, params)
        if method == "initialize":
            return self.respond(message, INFO)
        if method == "tools/list":
            tools = [{"name": name, "inputSchema": {"type": "object"}} for name in ("ask", "wait")]
            return self.respond(message, {"tools": tools})
        if method == "notifications/cancelled":
            self.backend.cancelled.put(params["requestId"])
        elif method is None:
            self.backend.answers.put(message)
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.send_error(405)

    do_DELETE = do_GET

    def call(self, message, params):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        if params["name"] == "ask":
            schema = {"type": "object", "properties": {}}
            question = {"message": "Sure?", "requestedSchema": schema}
            self.tell({"id": 1, "method": "elicitation/create", "params": question})
            answer = self.backend.answers.get(timeout=30)["result"]["action"]
            self.tell({"id": message["id"], "result": {"content": [{"type": "text", "text": answer}]}})
        else:
            progress = {"progressToken": params["_meta"]["progressToken"], "progress": 0.5}
            self.tell({"method": "notifications/progress", "params": progress})
            # Until whoever called has left.
            self.connection.recv(1)

    def tell(self, message):
        self.wfile.write(f"data: {json.dumps({'jsonrpc': '2.0'} | message)}\n\n".encode())
        self.wfile.flush()

    def respond(self, message, result):
        body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

"""Amazon Bedrock for tests, on botocore: signatures, requests, answers and frames are held against its own code.

    python server.py                     # prints `listening on http://127.0.0.1:PORT`
    curl http://127.0.0.1:PORT/__bedrock/journal

Bedrock is at the root, STS at `/sts`, the agent of Pod Identity at `/v1/credentials`. What an answer is to be says the
request: `[[status=429 text=two+words tools=1 reasoning=2 input=25 cached=100 output=15 finish=guardrail_intervened
exception_after=3 exception=throttlingException cut_after=3]]` in the last message's text.
"""

import argparse
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import converse
import model
from invoke import invoke
from issuers import Issuers
from model import Invalid
from sigv4 import Denied, Keys

# The exception of a status, as most operations have it.
EXCEPTIONS = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


class State:
    def __init__(self, options):
        self.keys = Keys(options.region)
        self.keys.add("AKIASCRIPTED", "static-secret")
        self.keys.add("ASIASCRIPTED", "session-secret", "session-token")
        self.keys.bearers.add("bedrock-api-key-scripted")
        self.issuers = Issuers(self.keys, options.role, options.token, options.lifetime)
        self.journal = []
        self.lock = threading.Lock()

    def note(self, entry):
        with self.lock:
            self.journal.append(entry)
            del self.journal[:-1000]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Answers are small and in pieces.
    disable_nagle_algorithm = True
    state = None
    # Of the request that is being answered.
    entry = None

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except ConnectionError:
            # The client left.
            self.close_connection = True

    def do_GET(self):
        path = urlsplit(self.path).path
        if path == "/__bedrock/journal":
            with self.state.lock:
                self._say(200, json.dumps(self.state.journal))
        elif path == "/v1/credentials":
            self._say(*self.state.issuers.container(self.headers.get("authorization")))
        else:
            self._fail(404, "UnknownOperationException", "")

    def do_DELETE(self):
        with self.state.lock:
            self.state.journal.clear()
        self._say(200, "{}")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if urlsplit(self.path).path == "/sts":
            status, text = self.state.issuers.sts(body.decode())
            self._say(status, text, "text/xml")
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        entry = {"path": self.path, "headers": headers, "signer": None, "body": None, "status": 0}
        self.entry = entry
        try:
            entry["body"] = json.loads(body)
        except ValueError:
            pass
        self.state.note(entry)
        try:
            entry["signer"] = self.state.keys.verify("POST", self.path, headers, body)
            self._bedrock(entry["body"], body)
        except Denied as denied:
            self._fail(403, denied.kind, str(denied))
        except Invalid as invalid:
            self._fail(400, "ValidationException", str(invalid))
        except AssertionError as wrong:
            # This emulator's own fault: loud, and nothing that a retry may hide.
            self._fail(418, "EmulatorException", str(wrong))

    def _bedrock(self, parsed, body):
        parts = urlsplit(self.path).path.split("/")
        if len(parts) != 4 or parts[1] != "model":
            self._fail(404, "UnknownOperationException", "")
            return
        name = unquote(parts[2])
        operations = {"converse": "Converse", "converse-stream": "ConverseStream", "invoke": "InvokeModel"}
        operation = operations.get(parts[3])
        if operation == "InvokeModel":
            self._invoke(name, body)
        elif operation and isinstance(parsed, dict):
            request = model.validated(operation, {"modelId": name, **parsed})
            converse.check(request)
            self._converse(operation, request)
        else:
            raise Invalid("Malformed input request")

    def _invoke(self, name, body):
        model.validated("InvokeModel", {"modelId": name, "body": body})
        answer, count = invoke(name, body)
        counts = {} if count is None else {"x-amzn-bedrock-input-token-count": str(count)}
        self._say(200, json.dumps(answer), headers=counts)

    def _converse(self, operation, request):
        script, reply = converse.reply(request)
        status = int(script.get("status", 200))
        if status >= 400:
            kind = script.get("exception", EXCEPTIONS.get(status, "InternalServerException"))
            waits = {"retry-after": script["retry_after"]} if "retry_after" in script else {}
            self._fail(status, kind, script.get("message", "scripted failure"), waits)
        elif operation == "Converse":
            self._say(200, model.answered(operation, reply.whole()).decode())
        else:
            self._stream(script, [model.event(*event) for event in reply.events()])

    def _stream(self, script, frames):
        ending = None
        if "exception_after" in script or "error_after" in script:
            after = int(script.get("exception_after") or script["error_after"])
            frames = frames[:after]
            kind = script.get("exception", "modelStreamErrorException")
            frames.append(model.exception(kind, {"message": script.get("message", "scripted failure")}))
        elif "cut_after" in script:
            frames, ending = frames[: int(script["cut_after"])], "cut"
        elif "half_after" in script:
            after = int(script["half_after"])
            frames, ending = [*frames[:after], frames[after][: len(frames[after]) // 2]], "cut"
        self.send_response(200)
        self._own_headers("application/vnd.amazon.eventstream", {"transfer-encoding": "chunked"})
        self.entry["status"] = 200
        split = int(script.get("split", 0))
        for frame in frames:
            for piece in [frame[at : at + split] for at in range(0, len(frame), split)] if split else [frame]:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if ending == "cut":
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _own_headers(self, kind, headers):
        self.send_header("content-type", kind)
        self.send_header("x-amzn-requestid", "00000000-0000-4000-8000-000000000000")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _fail(self, status, kind, message, headers=None):
        error = {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
        self._say(status, json.dumps({"message": message}), headers={**error, **(headers or {})})

    def _say(self, status, text, kind="application/json", headers=None):
        if self.entry:
            self.entry["status"] = status
        body = text.encode()
        self.send_response(status)
        self._own_headers(kind, {"content-length": str(len(body)), **(headers or {})})
        self.wfile.write(body)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--role", default="arn:aws:iam::123456789012:role/hub", help="what STS lets be assumed")
    parser.add_argument("--token", default="web-identity-token", help="of the ServiceAccount, for STS and the agent")
    parser.add_argument("--lifetime", type=float, default=3600, help="seconds that issued credentials are good for")
    options = parser.parse_args()
    Handler.state = State(options)
    socketserver.TCPServer.request_queue_size = 128
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.daemon_threads = True
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

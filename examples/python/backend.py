"""The two addresses that an app's backend needs, in Python 3.9 or newer, without packages.

    RECEIVER_URL=http://127.0.0.1:8080 RECEIVER_KEY=... PORT=3000 python3 backend.py
"""

import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RECEIVER_URL = os.environ.get("RECEIVER_URL", "http://127.0.0.1:8080")
RECEIVER_KEY = os.environ["RECEIVER_KEY"]
PORT = int(os.environ.get("PORT", "3000"))
TICKET = re.compile(r"vt_[0-9A-Za-z]{26}")


class Refused(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def receiver(path, body=None, seconds=10):
    headers = {"Authorization": f"Bearer {RECEIVER_KEY}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(RECEIVER_URL + path, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as fault:
        # For your log, not for the device.
        print(f"vod-receiver: {fault.code} {fault.read().decode(errors='replace')}", file=sys.stderr)
        if fault.code == 409:
            raise Refused(409, "the ticket is not yours") from None
        if fault.code == 404:
            raise Refused(404, "there is no such ticket") from None
        raise Refused(503, "please try again") from None


def upload_signature(user, asked):
    """A fresh signature for each call of getSignature; with the ticket of the call before, for the same file."""
    body = {"user_id": user, "ticket": asked.get("ticket"), "expires_in": 600, "one_time": True}
    issued = receiver("/v1/signatures", body)
    return {"signature": issued["signature"], "ticket": issued["ticket"]}


def my_upload(user, ticket):
    """Answers as soon as VOD has told of the upload, and after 30 s without one; then the page asks again."""
    if not TICKET.fullmatch(ticket):
        raise Refused(400, "that is no ticket")
    told = receiver(f"/v1/tickets/{ticket}?wait=30", seconds=40)
    if told["user_id"] != user:
        raise Refused(404, "there is no such ticket")
    return {"uploads": [{name: upload[name] for name in ("file_id", "name", "media_url")} for upload in told["uploads"]]}


class Backend(BaseHTTPRequestHandler):
    def signed_in(self):
        """Yours: the user of your own session. Whatever the request's body says of the user is not to be believed."""
        user = self.headers.get("X-Demo-User")
        if not user:
            raise Refused(401, "sign in first")
        return user

    def json(self):
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= 4096:
            raise Refused(413, "that is too long")
        try:
            body = json.loads(self.rfile.read(length))
        except ValueError:
            raise Refused(400, "that is not JSON") from None
        return body if isinstance(body, dict) else {}

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        ticket = urllib.parse.parse_qs(url.query).get("ticket", [""])[0]
        self.answer("/my-upload", lambda: my_upload(self.signed_in(), ticket))

    def do_POST(self):
        self.answer("/upload-signature", lambda: upload_signature(self.signed_in(), self.json()))

    def answer(self, path, tell):
        status = 200
        try:
            if urllib.parse.urlsplit(self.path).path != path:
                raise Refused(404, "nothing is here")
            told = tell()
        except Refused as refused:
            status, told = refused.status, {"error": str(refused)}
        except (OSError, ValueError) as fault:
            print(fault, file=sys.stderr)
            status, told = 503, {"error": "please try again"}
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", PORT), Backend).serve_forever()

"""Follows what happens to uploads, in Python 3.9 or newer, without packages.

    RECEIVER_KEY=... python3 follow.py live        one connection, told at once
    RECEIVER_KEY=... python3 follow.py changes     asks for what is new, and waits for it
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

RECEIVER_URL = os.environ.get("RECEIVER_URL", "http://127.0.0.1:8080")
RECEIVER_KEY = os.environ["RECEIVER_KEY"]
CURSOR_FILE = os.environ.get("CURSOR_FILE", "cursor")


def handle(event, upload):
    """Yours. An upload may come more than once: write it by its file id, in one transaction with the cursor."""
    print(event, upload["file_id"], upload["user_id"] or "-", flush=True)


def load():
    try:
        with open(CURSOR_FILE) as file:
            return file.read()
    except FileNotFoundError:
        return None


def save(cursor):
    with open(CURSOR_FILE + ".new", "w") as file:
        file.write(cursor)
    os.replace(CURSOR_FILE + ".new", CURSOR_FILE)


class Gone(Exception):
    pass


def ask(path, query=None, **headers):
    url = RECEIVER_URL + path + ("?" + urllib.parse.urlencode(query) if query else "")
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {RECEIVER_KEY}", **headers})
    try:
        # A stream says something every 15 s, and no wait is longer than 60.
        return urllib.request.urlopen(request, timeout=70)
    except urllib.error.HTTPError as fault:
        if fault.code == 410:
            raise Gone from None
        raise OSError(f"vod-receiver: {fault.code} {fault.read().decode(errors='replace')}") from None


def ask_json(path, query=None):
    with ask(path, query) as answer:
        return json.load(answer)


def begin():
    """The first time, and when a cursor is too old: first where the feed is now, then all that is there."""
    now = ask_json("/v1/uploads/changes")["next_cursor"]
    query = {"order": "asc", "limit": 200}
    while True:
        page = ask_json("/v1/uploads", query)
        for upload in page["items"]:
            handle("upload.read", upload)
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    save(now)


def tell(change):
    if change["upload"]:
        handle(change["event"], change["upload"])
    save(change["cursor"])


def live():
    """Server-Sent Events: lines, and an empty one after each event."""
    event = data = ""
    with ask("/v1/uploads/live", **{"Last-Event-ID": load()}) as answer:
        for line in answer:
            line = line.decode().rstrip("\n")
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                data = line[6:]
            elif line == "":
                if event == "end" and json.loads(data)["reason"] == "gone":
                    raise Gone
                if event.startswith("upload."):
                    tell(json.loads(data))
                event = data = ""


def changes():
    page = ask_json("/v1/uploads/changes", {"after": load(), "wait": 30, "limit": 200})
    for change in page["items"]:
        tell(change)
    save(page["next_cursor"])


follow = {"live": live, "changes": changes}[sys.argv[1]]
while True:
    try:
        if load() is None:
            begin()
        follow()
    except Gone:
        os.remove(CURSOR_FILE)
    except (OSError, ValueError) as fault:
        print(fault, file=sys.stderr)
        time.sleep(1)

#!/usr/bin/env python3
"""Plays VOD to a receiver, and keeps a ledger: a line for each file of what was sent and what was acknowledged.

    load.py ADDRESS SIGN_KEY LEDGER [THREADS]

Posts NewFileUpload to the callback address until SIGTERM. What was not acknowledged is sent again, as VOD does, and
every tenth body is sent once more although it was. At the end the ledger has `file_id sent acknowledged` for each
file, and a line on stdout says what was answered how often. Python 3.9, nothing but its library.
"""

import collections
import hashlib
import http.client
import json
import signal
import sys
import threading
import time
import urllib.parse

TIMEOUT_S = 10.0  # of one request; the receiver holds one for 6 s at most
ATTEMPTS = 40
PAUSE_S = 0.02  # between two bodies of a thread
RETRY_S = 0.25

stopping = threading.Event()


def main():
    address, sign_key, ledger = sys.argv[1:4]
    threads = int(sys.argv[4]) if len(sys.argv) > 4 else 8
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, lambda *_: stopping.set())
    senders = [Sender(urllib.parse.urlsplit(address), sign_key, number) for number in range(threads)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    answers = collections.Counter()
    with open(ledger, "w", encoding="ascii") as file:
        for sender in senders:
            answers.update(sender.answers)
            for file_id, (sent, acknowledged) in sender.files.items():
                file.write(f"{file_id} {sent} {acknowledged}\n")
    print(", ".join(f"{answer}: {count}" for answer, count in sorted(answers.items())))


class Sender(threading.Thread):
    """One connection at a time."""

    def __init__(self, address, sign_key, number):
        super().__init__(name=f"sender-{number}")
        self.address = address
        self.sign_key = sign_key
        self.first_id = 5_000_000_000_000_000_000 + number * 1_000_000_000
        self.files = {}
        self.answers = collections.Counter()
        self.connection = None

    def run(self):
        count = 0
        while not stopping.is_set():
            file_id = str(self.first_id + count)
            self.files[file_id] = [0, 0]
            for _ in range(2 if count % 10 == 0 else 1):
                self.deliver(file_id)
            count += 1
            time.sleep(PAUSE_S)

    def deliver(self, file_id):
        """Sends one file until it is acknowledged, or given up at the end."""
        for _ in range(ATTEMPTS):
            # Counted first: whoever dies on the way may have stored it.
            self.files[file_id][0] += 1
            answer = self.post(body(file_id, self.sign_key))
            self.answers[answer] += 1
            if answer.startswith("200"):
                self.files[file_id][1] += 1
                return
            if stopping.wait(RETRY_S):
                return

    def post(self, text):
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(
                    self.address.hostname, self.address.port, timeout=TIMEOUT_S
                )
            self.connection.request("POST", self.address.path, text, {"Content-Type": "application/json"})
            response = self.connection.getresponse()
            answer = json.loads(response.read() or b"{}")
            return f"{response.status} {answer.get('status') if response.status == 200 else answer.get('code')}"
        except (OSError, http.client.HTTPException, ValueError) as error:
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            return type(error).__name__


def body(file_id, sign_key):
    until = int(time.time()) + 600
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    event = {
        "EventType": "NewFileUpload",
        "FileUploadEvent": {
            "FileId": file_id,
            "MediaBasicInfo": {
                "Name": "held through every fault",
                "Type": "mp4",
                "CreateTime": now,
                "UpdateTime": now,
                "SourceInfo": {"SourceType": "Upload", "SourceContext": ""},
                "MediaUrl": f"https://1256768367.vod2.myqcloud.com/{file_id}/f0.mp4",
            },
            "MetaData": {"Size": 7700180, "Duration": 60, "Width": 640, "Height": 480, "Bitrate": 1021028},
            "ProcedureTaskId": "",
        },
        "Sign": hashlib.md5(f"{sign_key}{until}".encode()).hexdigest(),
        "T": until,
    }
    return json.dumps(event)


if __name__ == "__main__":
    main()

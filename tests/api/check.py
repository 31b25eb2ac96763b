"""Lets schemathesis ask a running receiver everything that its OpenAPI document allows, and much that it does not.

usage: check.py URL ADMIN_KEY CALLBACK_TOKEN BINARY CONFIG REQUESTS
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).parent


def main(url, admin_key, token, binary, config, wanted):
    command = [binary, "--config", config]
    key = said(command + ["keys", "create", "--name", "api-check", "--scope", "sign,read,admin"])
    known = live_a_little(url, key, token, command)
    with tempfile.TemporaryDirectory() as scratch:
        report = pathlib.Path(scratch, "report.ndjson")
        ran = schemathesis(url, key, known, int(wanted), report)
        requests, answers = counted(report)
    print(f"{requests} requests, answered with {answers}")
    if ran != 0:
        sys.exit(f"schemathesis found something wrong (exit {ran}).")
    if requests < int(wanted):
        sys.exit(f"schemathesis made {requests} requests only, and {wanted} were wanted.")
    if any(int(status) >= 500 for status in answers):
        sys.exit("Some answer was a 5xx.")


def said(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def live_a_little(url, key, token, command):
    """Some of everything: tickets, uploads of somebody and of nobody, a task, a deletion, what is no event."""
    tickets, files = [], []
    for number in range(20):
        asked = {"user_id": f"user-{number % 7}", "context": {"order": number}}
        ticket = post(f"{url}/v1/signatures", asked, key)["ticket"]
        tickets.append(ticket)
        if number < 15:
            files.append(f"52858907842735{number:05}")
            said(command + ["trigger", "NewFileUpload", "--ticket", ticket, "--file-id", files[-1]])
    said(command + ["trigger", "NewFileUpload", "--source-context", "somebody else's", "--file-id", "77"])
    said(command + ["trigger", "ProcedureStateChanged", "--file-id", files[0]])
    said(command + ["trigger", "FileDeleted", "--file-id", files[1]])
    try:
        post(f"{url}/callbacks/main/{token}", {"no": "event"})
    except urllib.error.HTTPError as error:
        assert error.code == 400, error
    listed = get(f"{url}/v1/deliveries?limit=200", key)["items"]
    assert len(listed) == 19, len(listed)
    deliveries = [delivery["id"] for delivery in listed]
    return {"ticket": tickets, "file_id": files + ["77"], "id": deliveries, "app": ["main"], "token": [token]}


def post(address, body, key=None):
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(address, json.dumps(body).encode(), headers)
    return json.load(urllib.request.urlopen(request))


def get(address, key):
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {key}"})
    return json.load(urllib.request.urlopen(request))


def schemathesis(url, key, known, wanted, report):
    # About as many as the examples and the edges of each parameter do not make already.
    examples = max(20, wanted // 15)
    tool = pathlib.Path(sys.executable).parent / "st"
    command = [
        tool, "--config-file", HERE / "schemathesis.toml", "run", f"{url}/openapi.json",
        "--header", f"Authorization: Bearer {key}",
        "--max-examples", examples,
        # It does not end; tests/it/feed reads it.
        "--exclude-path", "/v1/uploads/live",
        "--report", "ndjson", "--report-ndjson-path", report,
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "SCHEMATHESIS_HOOKS": "hooks",
        "VOD_TEST_KNOWN": json.dumps(known),
    }
    return subprocess.run([str(word) for word in command], env=environment, cwd=report.parent).returncode


def counted(report):
    """How many requests were answered, and with which status how often."""
    answers = {}

    def look(value):
        if isinstance(value, dict):
            status = value.get("status_code")
            if isinstance(status, int) and "headers" in value:
                answers[status] = answers.get(status, 0) + 1
                return
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    with open(report) as lines:
        for line in lines:
            look(json.loads(line))
    return sum(answers.values()), dict(sorted(answers.items()))


main(*sys.argv[1:])

#!/bin/sh
# A fresh signature for a user; with the ticket of the call before, for the same file.
#
#   RECEIVER_URL=http://127.0.0.1:8080 RECEIVER_KEY=... sh upload-signature.sh USER [TICKET]
set -eu

# A text in JSON: backslashes and quotes escaped. The receiver takes no control characters in a user id.
quoted() { printf '"%s"' "$(printf %s "$1" | sed 's/[\\"]/\\&/g')"; }

ticket=null
[ -z "${2-}" ] || ticket=$(quoted "$2")
# The key is told through a file descriptor: other processes can read a command line.
curl -sS --fail-with-body --max-time 10 "${RECEIVER_URL:-http://127.0.0.1:8080}/v1/signatures" \
    -H 'Content-Type: application/json' -H @- \
    -d "{\"user_id\": $(quoted "$1"), \"ticket\": $ticket, \"expires_in\": 600, \"one_time\": true}" <<KEY
Authorization: Bearer $RECEIVER_KEY
KEY

#!/bin/sh
# Answers as soon as VOD has told of an upload with this ticket, and after 30 s without one; then ask again.
#
#   RECEIVER_URL=http://127.0.0.1:8080 RECEIVER_KEY=... sh my-upload.sh TICKET
set -eu

case ${1#vt_} in
    '' | *[!0-9A-Za-z]*) echo 'that is no ticket' >&2 && exit 2 ;;
esac
curl -sS --fail-with-body --max-time 40 "${RECEIVER_URL:-http://127.0.0.1:8080}/v1/tickets/$1?wait=30" -H @- <<KEY
Authorization: Bearer $RECEIVER_KEY
KEY

#!/bin/sh
# Follows what happens to uploads; each change and each upload is a line of JSON.
#
#   RECEIVER_KEY=... sh follow.sh live        one connection, told at once
#   RECEIVER_KEY=... sh follow.sh changes     asks for what is new, and waits for it
set -eu

url=${RECEIVER_URL:-http://127.0.0.1:8080}
file=${CURSOR_FILE:-cursor}

# ask PATH [CURL OPTION]...: what the receiver answers, and its status as the last line.
ask() {
    path=$1 && shift
    curl -sS --get "$url$path" -w '\n%{http_code}\n' -H @- "$@" <<KEY || true
Authorization: Bearer $RECEIVER_KEY
KEY
}

# The cursor at the end of a page; a member of that name may be in what your app wrote, but not after it.
next() { sed -n 's/.*"next_cursor":"\([A-Za-z0-9_-]*\)"}$/\1/p'; }

save() { printf %s "$1" >"$file.new" && mv "$file.new" "$file"; }

# Yours. An upload may come more than once: write it by its file id, in one transaction with the cursor.
handle() { printf '%s\n' "$1"; }

# page PATH [CURL OPTION]...: a page in `page`, or what is wrong with it.
page() {
    page=$(ask "$@" --max-time 70)
    status=${page##*
}
    page=${page%
*}
    case $status in
        200) ;;
        410) rm -f "$file" && return 1 ;; # too old: begin anew
        *) printf 'vod-receiver: %s %s\n' "$status" "$page" >&2 && sleep 1 && return 1 ;;
    esac
}

# The first time, and when a cursor is too old: first where the feed is now, then all that is there.
begin() {
    page /v1/uploads/changes || return 0
    now=$(printf '%s\n' "$page" | next)
    set --
    while page /v1/uploads -d order=asc -d limit=200 "$@"; do
        handle "$page"
        cursor=$(printf '%s\n' "$page" | next)
        [ -n "$cursor" ] || { save "$now" && return 0; }
        set -- -d "cursor=$cursor"
    done
}

# Server-Sent Events: lines, and an empty one after each event. Comments have an `id` too.
live() {
    cursor=$(cat "$file")
    ask /v1/uploads/live -N -H "Last-Event-ID: $cursor" --speed-limit 1 --speed-time 60 | {
        event='' data=''
        while IFS= read -r line; do
            case $line in
                'id: '*) cursor=${line#id: } ;;
                'event: '*) event=${line#event: } ;;
                'data: '*) data=${line#data: } ;;
                '')
                    case $event in
                        upload.*) handle "$data" ;;
                        end) case $data in *'"gone"'*) rm -f "$file" && exit 0 ;; esac ;;
                    esac
                    save "$cursor"
                    event='' data=''
                    ;;
                410) rm -f "$file" && exit 0 ;; # too old: begin anew
                [45]??) printf 'vod-receiver: %s\n' "$line" >&2 && exit 0 ;;
            esac
        done
    }
    sleep 1
}

changes() {
    page /v1/uploads/changes -d "after=$(cat "$file")" -d wait=30 -d limit=200 || return 0
    case $page in '{"items":[],'*) ;; *) handle "$page" ;; esac
    save "$(printf '%s\n' "$page" | next)"
}

case ${1-} in live | changes) ;; *) echo 'sh follow.sh live|changes' >&2 && exit 2 ;; esac
while :; do
    [ -e "$file" ] || begin
    [ ! -e "$file" ] || "$1"
done

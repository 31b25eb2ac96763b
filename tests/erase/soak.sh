# `./dev soak erase`: a person of a large database is erased under load, killed half-way, and not to be found afterwards.
# Sourced by ./dev, whose functions it uses. docs/erasure.md tells what it proves.

erase_usage="./dev soak erase [--uploads N] [--users N] [--seconds N] [--release]
                         a million uploads of 200,000 users unless told otherwise, 20 s of load before and while others are
                         erased (--short: 20,000 uploads of 400 users, 5 s, and the rates are only shown)"

soak_erase() {
    local uploads=1000000 users=200000 seconds=20 judge=yes release=no
    while [ $# -gt 0 ]; do
        case $1 in
            --uploads) uploads=${2:?} && shift ;;
            --users) users=${2:?} && shift ;;
            --seconds) seconds=${2:?} && shift ;;
            --release) release=yes ;;
            --short) uploads=20000 users=400 seconds=5 judge=no ;;
            *) fail "$erase_usage" ;;
        esac
        shift
    done
    need postgres wrk curl
    build
    if [ $release = yes ]; then
        cargo build --locked --release --bin vod-receiver >&2
        binary=${binary%/debug/*}/release/vod-receiver
    fi
    case $binary in /*) ;; *) binary=$PWD/$binary ;; esac
    scratch_directory
    trap end EXIT
    trap 'exit 130' INT TERM
    erase_cluster
    erase_seed
    erase_serve
    # Of those in the middle: not the one with most uploads, nor one with none. The trace is searched with what stands before
    # and after it, since user-12 is a part of user-123.
    user=user-$((users / 20 + 7)) trace="(?<![A-Za-z0-9_-])user-$((users / 20 + 7))(?![A-Za-z0-9_-])"
    erase_count before
    grep -q . <(erase_dump 2>/dev/null | grep -aPo -m 1 "$trace") || fail "$user is nowhere to be found before; nothing would be proved."
    erase_killed
    erase_rates
    erase_search
    say "all well"
}

erase_cluster() {
    local bin
    bin=$(postgres_bin)
    mkdir "$scratch/cluster"
    ! is_root || chown "$(server_account)" "$scratch/cluster"
    as_server "$bin/initdb" -D "$scratch/cluster/data" -U vod --auth=trust -E UTF8 --locale=C --no-sync >/dev/null
    as_server "$bin/pg_ctl" start -s -w -D "$scratch/cluster/data" -l "$scratch/cluster/server.log" \
        -o "-p 5432 -c listen_addresses= -c shared_buffers=512MB -c max_wal_size=2GB -k '$scratch/cluster'"
    url="postgres://vod@localhost:5432/vod?host=$scratch/cluster&sslmode=disable"
    erase_sql postgres "CREATE DATABASE vod"
}

erase_sql() {
    as_server "$(postgres_bin)/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$scratch/cluster" -p 5432 -U vod -d "$1" -c "$2"
}

erase_dump() { as_server "$(postgres_bin)/pg_dump" -h "$scratch/cluster" -p 5432 -U vod vod; }

erase_seed() {
    mkdir "$scratch/receiver"
    cat >"$scratch/receiver/vod-receiver.toml" <<END
[[app]]
name = "main"
secret_id = "AKIDsoak"
secret_key = "soak-secret-key-0123456789"
callback_token = "soak-callback-token-0123456789"
resolvers = ["json:/uid"]

[[app]]
name = "clips"
secret_id = "AKIDsoak"
secret_key = "soak-secret-key-0123456789"
callback_token = "soak-callback-token-9876543210"
resolvers = ["json:/uid"]
END
    erase_receiver migrate >&2
    say "Seeding $uploads uploads of $users users."
    erase_receiver simulate seed --uploads "$uploads" --users "$users" >&2
}

# A command of the receiver, on this database.
erase_receiver() {
    (unconfigured env "DATABASE_URL=$url" "VOD_RECEIVER_CONFIG=$scratch/receiver/vod-receiver.toml" \
        "VOD_RECEIVER_DATA_DIR=$scratch/receiver" VOD_RECEIVER_ALLOW_VOLATILE_SPOOL=true \
        VOD_RECEIVER_ADMIN_KEY=soak-admin-key-0123456789abcdef "$binary" "$@")
}

# erase_until SECONDS COMMAND...: runs it until it succeeds; fails if that takes longer.
erase_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.1
    done
}

erase_is() { [ "$(erase_sql vod "SELECT $1")" = t ]; }

# The address of the receiver is in `at` then.
erase_serve() {
    log=$scratch/receiver/serve.log
    unconfigured env "DATABASE_URL=$url" "VOD_RECEIVER_CONFIG=$scratch/receiver/vod-receiver.toml" \
        VOD_RECEIVER_LISTEN=127.0.0.1:0 "VOD_RECEIVER_DATA_DIR=$scratch/receiver" \
        VOD_RECEIVER_ALLOW_VOLATILE_SPOOL=true VOD_RECEIVER_ADMIN_KEY=soak-admin-key-0123456789abcdef \
        "$binary" serve >"$log" 2>&1 &
    server=$!
    erase_until 120 erase_ready || fail "The receiver was not ready after two minutes:" "$(tail -n 20 "$log")"
}

erase_ready() {
    at=http://$(grep -o -m 1 'listening address=[0-9.:]*' "$log" 2>/dev/null | cut -d= -f2) &&
        curl -fsS -o "$scratch/readyz" "$at/readyz" 2>/dev/null
}

erase_drained() { curl -fsS "$at/readyz" 2>/dev/null | grep -q '"records":0\b'; }

# What was counted, of what was there before the load: the same afterwards.
erase_count() {
    erase_sql vod "SELECT (SELECT count(*) FROM uploads WHERE file_id !~ '^load') || ' uploads, '
        || (SELECT count(*) FROM uploads WHERE file_id !~ '^load' AND deleted_at IS NOT NULL) || ' deleted, '
        || (SELECT coalesce(sum(size_bytes), 0) FROM uploads WHERE file_id !~ '^load') || ' bytes, '
        || (SELECT count(*) FROM deliveries WHERE file_id IS NULL OR file_id !~ '^load') || ' deliveries, '
        || (SELECT count(*) FROM tickets) || ' tickets, ' || (SELECT count(*) FROM signature_issues) || ' signatures, '
        || (SELECT count(*) FROM tasks) || ' tasks'" >"$scratch/$1"
}

# load NAME SECONDS: notifications as fast as they are taken, of users by resolver, the one who is erased among them.
erase_load() {
    cat >"$scratch/load.lua" <<END
local made, number = 0, 0
function setup(thread) thread:set("number", number); number = number + 1 end
local made = 0
function request()
    made = made + 1
    local file, by = "load$1-" .. tostring(number) .. "-" .. made, "user-" .. (made * 7919 % $users + 1)
    if made % 50 == 0 then by = "$user" end
    local body = '{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":"' .. file .. '","MediaBasicInfo":{"Name":"' .. by
        .. '","CreateTime":"2026-11-23T07:59:00Z","Type":"mp4","MediaUrl":"http://example.com/f0.mp4","SourceInfo":'
        .. '{"SourceType":"Upload","SourceContext":"{\\\\"uid\\\\":\\\\"' .. by .. '\\\\"}"}},"MetaData":{"Size":1000}}}'
    return wrk.format("POST", "/callbacks/main/soak-callback-token-0123456789", {}, body)
end
END
    wrk -t 1 -c 64 -d "${2}s" -s "$scratch/load.lua" "$at" >"$scratch/load-$1.txt"
    ! grep -q 'Non-2xx' "$scratch/load-$1.txt" || fail "Not every notification was taken:" "$(cat "$scratch/load-$1.txt")"
    grep -o 'Requests/sec: *[0-9]*' "$scratch/load-$1.txt" | grep -o '[0-9]*$'
}

# The command is killed in the middle; a receiver finishes what it began. Load runs all the while.
erase_killed() {
    local state locks="FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711"
    # After its first uploads it comes to its next write, and not past it while the lock is held: the middle, on any machine.
    erase_sql vod "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NEW; END';
        CREATE TRIGGER hold BEFORE UPDATE ON erasures FOR EACH ROW WHEN (OLD.uploads > 0
            AND (NEW.uploads, NEW.step, NEW.after) IS DISTINCT FROM (OLD.uploads, OLD.step, OLD.after)) EXECUTE FUNCTION hold()"
    erase_sql vod "SELECT pg_advisory_lock(4711); SELECT pg_sleep(600)" >/dev/null 2>&1 &
    local holder=$!
    erase_until 60 erase_is "count(*) = 1 $locks AND granted" || fail "The lock was not taken."
    (erase_load killed 30 >"$scratch/rate-killed") &
    local load=$!
    sleep 1
    (cd / && exec env -i "DATABASE_URL=$url" "VOD_RECEIVER_CONFIG=$scratch/receiver/vod-receiver.toml" \
        "VOD_RECEIVER_DATA_DIR=$scratch/receiver" "$binary" erase "$user" >"$scratch/erase.txt" 2>&1) &
    local command=$!
    erase_until 300 erase_is "count(*) > 0 $locks AND NOT granted" ||
        fail "The erasure did not begin:" "$(cat "$scratch/erase.txt")"
    kill -9 $command 2>/dev/null || true
    wait $command 2>/dev/null || true
    state=$(erase_sql vod "SELECT step FROM erasures")
    say "killed in step \`$state\`"
    [ "$state" != done ] || fail "It was killed too late to prove anything."
    erase_sql vod "SELECT pg_terminate_backend(pid) $locks AND granted" >/dev/null
    wait $holder || true
    erase_sql vod "DROP TRIGGER hold ON erasures; DROP FUNCTION hold()"
    erase_until 300 erase_is "step = 'done' FROM erasures" || fail "No receiver finished it:" "$(tail -n 20 "$log")"
    say "finished by the receiver: $(erase_sql vod "SELECT format('%s uploads, %s tickets, %s signatures, %s bodies, %s changes; %s s',
        uploads, tickets, signatures, deliveries, changes, round(extract(epoch FROM finished_at - asked_at), 1)) FROM erasures")"
    wait $load
}

# The rate of ingest while one person after another is erased, and alone, before and afterwards: the roll-ups count what
# came before, and the machine has its moods.
erase_rates() {
    local before beside after alone erased=0 next until id
    before=$(erase_load before "$seconds")
    (erase_load beside "$seconds" >"$scratch/rate-beside") &
    local load=$!
    next=$((users / 10)) until=$((SECONDS + seconds - 1))
    while [ $SECONDS -lt $until ]; do
        next=$((next + 1))
        # Under load 503 is an answer that is promised.
        until erase_ask erasures -H "Content-Type: application/json" -d "{\"user_id\":\"user-$next\"}" >"$scratch/asked"; do
            [ $SECONDS -lt $until ] || break 2
            sleep 0.1
        done
        id=$(grep -o '[0-9a-f-]\{36\}' "$scratch/asked")
        # By the receiver's own door: to start a psql each time is a load of its own.
        until erase_ask "erasures/$id?limit=1" | grep -q '"done"' || [ $SECONDS -ge $until ]; do sleep 0.1; done
        erased=$((erased + 1))
    done
    wait $load
    beside=$(cat "$scratch/rate-beside")
    erase_until 300 erase_is "count(*) = 0 FROM erasures WHERE step <> 'done'" ||
        fail "Not all were erased:" "$(tail -n 20 "$log")"
    after=$(erase_load after "$seconds")
    alone=$(((before + after) / 2))
    say "ingest: $before and $after/s alone, $beside/s while $erased persons were erased: $((beside * 100 / alone)) %"
    [ $judge = no ] || [ $((beside * 100)) -ge $((alone * 70)) ] || fail "That is less than 70 %."
}

erase_ask() {
    curl -fsS "$at/v1/$1" -H "Authorization: Bearer soak-admin-key-0123456789abcdef" "${@:2}"
}

erase_search() {
    erase_until 300 erase_drained || fail "The spool does not become empty:" "$(tail -n 20 "$log")"
    erase_count after
    diff "$scratch/before" "$scratch/after" >&2 || fail "What was counted is not what it was."
    say "totals as before: $(cat "$scratch/after")"
    erase_sql vod "VACUUM"
    erase_dump >"$scratch/dump.sql"
    ! grep -aPq "$trace" "$scratch/dump.sql" ||
        fail "A dump still names $user:" "$(grep -aPno ".{60}$trace.{60}" "$scratch/dump.sql" | head -n 5)"
    ! grep -aPrq "$trace" "$scratch/receiver/spool" || fail "The spool still names $user."
    say "neither the dump ($(($(wc -c <"$scratch/dump.sql") >> 20)) MiB) nor the spool names $user"
}

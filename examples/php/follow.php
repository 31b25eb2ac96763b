<?php
// Follows what happens to uploads, in PHP 8.1 or newer, without packages.
//
//   RECEIVER_KEY=... php follow.php live        one connection, told at once
//   RECEIVER_KEY=... php follow.php changes     asks for what is new, and waits for it
declare(strict_types=1);

final class Gone extends Exception
{
}

define('CURSOR_FILE', getenv('CURSOR_FILE') ?: 'cursor');

/** Yours. An upload may come more than once: write it by its file id, in one transaction with the cursor. */
function handle(string $event, array $upload): void
{
    echo $event, ' ', $upload['file_id'], ' ', $upload['user_id'] ?? '-', "\n";
}

function load(): ?string
{
    return is_file(CURSOR_FILE) ? file_get_contents(CURSOR_FILE) : null;
}

function save(string $cursor): void
{
    file_put_contents(CURSOR_FILE . '.new', $cursor);
    rename(CURSOR_FILE . '.new', CURSOR_FILE);
}

/** @return resource what the receiver answers, to be read */
function ask(string $path, array $query = [], array $headers = [])
{
    $http = [
        'header' => ['Authorization: Bearer ' . getenv('RECEIVER_KEY'), ...$headers],
        'timeout' => 70, // a stream says something every 15 s, and no wait is longer than 60
        'ignore_errors' => true,
    ];
    $url = (getenv('RECEIVER_URL') ?: 'http://127.0.0.1:8080') . $path . '?' . http_build_query($query);
    $answer = @fopen($url, 'r', false, stream_context_create(['http' => $http]));
    $status = $answer === false ? 0 : (int) explode(' ', $http_response_header[0])[1];
    return match ($status) {
        200 => $answer,
        410 => throw new Gone(),
        default => throw new RuntimeException("vod-receiver: $status " . ($answer ? stream_get_contents($answer) : '')),
    };
}

function ask_json(string $path, array $query = []): array
{
    return json_decode(stream_get_contents(ask($path, $query)), true, flags: JSON_THROW_ON_ERROR);
}

/** The first time, and when a cursor is too old: first where the feed is now, then all that is there. */
function begin(): void
{
    $now = ask_json('/v1/uploads/changes')['next_cursor'];
    $query = ['order' => 'asc', 'limit' => 200];
    do {
        $page = ask_json('/v1/uploads', $query);
        foreach ($page['items'] as $upload) {
            handle('upload.read', $upload);
        }
        $query['cursor'] = $page['next_cursor'];
    } while ($query['cursor'] !== null);
    save($now);
}

function tell(array $change): void
{
    if ($change['upload'] !== null) {
        handle($change['event'], $change['upload']);
    }
    save($change['cursor']);
}

/** Server-Sent Events: lines, and an empty one after each event. */
function live(): void
{
    $stream = ask('/v1/uploads/live', headers: ['Last-Event-ID: ' . load()]);
    stream_set_chunk_size($stream, 1); // or PHP keeps back what it has until it has 8 KiB of it
    $event = $data = '';
    while (($line = fgets($stream)) !== false) {
        $line = rtrim($line, "\n");
        if (str_starts_with($line, 'event: ')) {
            $event = substr($line, 7);
        } elseif (str_starts_with($line, 'data: ')) {
            $data = substr($line, 6);
        } elseif ($line === '') {
            if ($event === 'end' && json_decode($data, true)['reason'] === 'gone') {
                throw new Gone();
            }
            if (str_starts_with($event, 'upload.')) {
                tell(json_decode($data, true, flags: JSON_THROW_ON_ERROR));
            }
            $event = $data = '';
        }
    }
}

function changes(): void
{
    $page = ask_json('/v1/uploads/changes', ['after' => load(), 'wait' => 30, 'limit' => 200]);
    array_map(tell(...), $page['items']);
    save($page['next_cursor']);
}

$follow = match ($argv[1] ?? '') { 'live' => live(...), 'changes' => changes(...) };
while (true) {
    try {
        load() ?? begin();
        $follow();
    } catch (Gone) {
        unlink(CURSOR_FILE);
    } catch (RuntimeException | JsonException $fault) {
        fwrite(STDERR, $fault->getMessage() . "\n");
        sleep(1);
    }
}

<?php
// The two addresses that an app's backend needs, in PHP 8.1 or newer, without packages.
//
//   RECEIVER_URL=http://127.0.0.1:8080 RECEIVER_KEY=... PHP_CLI_SERVER_WORKERS=4 php -S 127.0.0.1:3000 backend.php
declare(strict_types=1);

final class Refused extends Exception
{
}

/** Yours: the user of your own session. Whatever the request's body says of the user is not to be believed. */
function signed_in(): string
{
    $user = $_SERVER['HTTP_X_DEMO_USER'] ?? '';
    return $user !== '' ? $user : throw new Refused('sign in first', 401);
}

function receiver(string $path, ?array $body = null, int $seconds = 10): array
{
    $http = [
        'method' => $body === null ? 'GET' : 'POST',
        'header' => ['Authorization: Bearer ' . getenv('RECEIVER_KEY'), 'Content-Type: application/json'],
        'content' => $body === null ? '' : json_encode($body, JSON_THROW_ON_ERROR),
        'timeout' => $seconds,
        'ignore_errors' => true, // the body of an error is wanted too
    ];
    $url = (getenv('RECEIVER_URL') ?: 'http://127.0.0.1:8080') . $path;
    $text = @file_get_contents($url, false, stream_context_create(['http' => $http]));
    $status = $text === false ? 0 : (int) explode(' ', $http_response_header[0])[1];
    if ($status === 200 || $status === 201) {
        return json_decode($text, true, flags: JSON_THROW_ON_ERROR | JSON_BIGINT_AS_STRING);
    }
    error_log("vod-receiver: $status $text"); // for your log, not for the device
    throw match ($status) {
        409 => new Refused('the ticket is not yours', 409),
        404 => new Refused('there is no such ticket', 404),
        default => new Refused('please try again', 503),
    };
}

/** A fresh signature for each call of getSignature; with the ticket of the call before, for the same file. */
function upload_signature(string $user, array $asked): array
{
    $body = ['user_id' => $user, 'ticket' => $asked['ticket'] ?? null, 'expires_in' => 600, 'one_time' => true];
    $issued = receiver('/v1/signatures', $body);
    return ['signature' => $issued['signature'], 'ticket' => $issued['ticket']];
}

/** Answers as soon as VOD has told of the upload, and after 30 s without one; then the page asks again. */
function my_upload(string $user, mixed $ticket): array
{
    if (!is_string($ticket) || !preg_match('/^vt_[0-9A-Za-z]{26}$/D', $ticket)) {
        throw new Refused('that is no ticket', 400);
    }
    $told = receiver("/v1/tickets/$ticket?wait=30", seconds: 40); // holds a worker of PHP for as long
    if ($told['user_id'] !== $user) {
        throw new Refused('there is no such ticket', 404);
    }
    $shown = array_flip(['file_id', 'name', 'media_url']);
    return ['uploads' => array_map(fn ($upload) => array_intersect_key($upload, $shown), $told['uploads'])];
}

function asked(): array
{
    $asked = json_decode(file_get_contents('php://input', length: 4096), true);
    return is_array($asked) ? $asked : throw new Refused('that is not JSON', 400);
}

try {
    $user = signed_in();
    $told = match ($_SERVER['REQUEST_METHOD'] . ' ' . parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)) {
        'POST /upload-signature' => upload_signature($user, asked()),
        'GET /my-upload' => my_upload($user, $_GET['ticket'] ?? ''),
        default => throw new Refused('nothing is here', 404),
    };
} catch (Refused $refused) {
    http_response_code($refused->getCode());
    $told = ['error' => $refused->getMessage()];
}
header('Content-Type: application/json');
header('Cache-Control: no-store');
echo json_encode($told, JSON_THROW_ON_ERROR);

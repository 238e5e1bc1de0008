<?php

// Opens a session, watches the network over a restart of the server, and reads a refusal, by JSON over HTTP.
//
//   example.php HOST:PORT     (of the server's web door)

declare(strict_types=1);

const DEFAULT_RETRY_S = 0.5;
/** Flags of the envelope that ends a stream. */
const END = 2;

$address = $argv[1];

/** Sends a request. Answers with the stream of the body, or null when nobody is there. */
function send(string $method, string $type, string $body, array $headers = [])
{
    global $address;
    $http = [
        'method' => 'POST',
        'header' => ["content-type: $type", ...$headers],
        'content' => $body,
        'ignore_errors' => true,
        'protocol_version' => 1.1,
        'timeout' => 600,
    ];
    $url = "http://$address/switchyard.v1.$method";
    return @fopen($url, 'r', false, stream_context_create(['http' => $http])) ?: null;
}

/** A call with one answer. */
function call(string $method, array $request, array $headers = []): array
{
    $answer = send($method, 'application/json', json_encode((object) $request), $headers);
    return json_decode(stream_get_contents($answer), true);
}

/** Reads so many bytes; null when the stream ends before. */
function take($stream, int $count): ?string
{
    $bytes = '';
    while (strlen($bytes) < $count) {
        $more = fread($stream, $count - strlen($bytes));
        if ($more === false || $more === '') {
            return null;
        }
        $bytes .= $more;
    }
    return $bytes;
}

/** The messages of a watch, each with its envelope's flags; it ends when the server goes away. */
function messages(string $method, array $request): Generator
{
    $body = json_encode((object) $request);
    $stream = send($method, 'application/connect+json', pack('CN', 0, strlen($body)) . $body);
    while ($stream !== null && ($head = take($stream, 5)) !== null) {
        ['flags' => $flags, 'length' => $length] = unpack('Cflags/Nlength', $head);
        $content = $length === 0 ? '' : take($stream, $length);
        if ($content === null) {
            return;
        }
        yield $flags => json_decode($content, true);
    }
}

/** A detail of a refusal, as it is to be read; null when it has none of the kind. */
function detail(array $error, string $type): ?array
{
    foreach ($error['details'] ?? [] as $detail) {
        if ($detail['type'] === $type) {
            return $detail['debug'];
        }
    }
    return null;
}

/** Watches until the server has gone away and come back, and the watch has gone on from where it was. */
function watchOverRestart(): void
{
    $after = null;
    while (true) {
        $nodes = 0;
        $delay = DEFAULT_RETRY_S;
        $request = $after === null ? [] : ['after' => $after];
        foreach (messages('NetworkService/WatchNetworkDelta', $request) as $flags => $message) {
            if ($flags === END) {
                $retry = detail($message['error'] ?? [], 'google.rpc.RetryInfo');
                $delay = (float) ($retry['retryDelay'] ?? DEFAULT_RETRY_S);
                break;
            }
            if ($message['kind'] === 'WATCH_KIND_SNAPSHOT') {
                foreach ($message['deltas'] as $delta) {
                    $nodes += count($delta['nodeAdded'] ?? []);
                }
                continue;
            }
            if ($message['kind'] === 'WATCH_KIND_RESET') {
                exit("the server does not know our position: forget everything, a snapshot follows\n");
            }
            if ($message['kind'] === 'WATCH_KIND_SNAPSHOT_END') {
                echo "watching $nodes nodes\n";
            } elseif ($request !== []) {
                echo "resumed after revision {$after['revision']}\n";
                return;
            }
            // Where to go on: only a message that completes something moves it.
            $after = $message['position'];
        }
        usleep((int) ($delay * 1e6));
    }
}

$session = call('SessionService/Session', [
    'instanceUuid' => '6f1d2c3b-0000-4000-8000-000000009012',
    'instanceType' => 'INSTANCE_TYPE_AGENT',
    'name' => 'an example in PHP',
    'labels' => ['language' => 'php'],
]);
echo "session {$session['instanceSid']}\n";
watchOverRestart();
$refusal = call('NetworkService/GetNode', ['cvid' => 1]);
$reason = detail($refusal, 'google.rpc.ErrorInfo')['reason'];
echo "refused {$refusal['code']} $reason: {$refusal['message']}\n";
call('SessionService/TerminateSession', [], ["switchyard-session: {$session['sessionToken']}"]);

#!/bin/sh
# Opens a session, watches the network over a restart of the server, and reads a refusal, with `buf curl`:
# run.sh BUILD-FOLDER HOST:PORT. The server's reflection says what the messages are, so there are no stubs to make.
set -eu
cd "$(dirname "$0")/../.."
build=$1
# The program itself: the one on the PATH, or that of the npm package.
buf=${BUF:-$(command -v buf || ls node_modules/@bufbuild/buf-*/bin/buf)}
url=http://$2/switchyard.v1
call() {
  method=$1 request=$2
  shift 2
  "$buf" curl --protocol grpc --http2-prior-knowledge "$@" -d "$request" "$url.$method"
}
# The same in the background: the process of the call is `$watch`, and ends with it.
watch() {
  "$buf" curl --protocol grpc --http2-prior-knowledge -d "$1" "$url.NetworkService/WatchNetworkDelta" > "$2" 2> "$build/ended" &
  watch=$!
}
# The value of a field, of JSON that buf printed with one field a line; the first one when there are several.
field() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | head -n 1; }

session=$(call SessionService/Session '{
  "instance_uuid": "6f1d2c3b-0000-4000-8000-000000009010", "instance_type": "INSTANCE_TYPE_AGENT",
  "name": "an example in a shell", "labels": {"language": "sh"}
}')
echo "session $(echo "$session" | field instanceSid)"

# What a watch writes goes to a file; it ends when the server goes away.
watch '{}' "$build/watched"
until grep -q WATCH_KIND_SNAPSHOT_END "$build/watched"; do sleep 0.2; done
echo "watching $(grep -c '"instanceUuid"' "$build/watched") nodes"
wait $watch || true
epoch=$(field epoch < "$build/watched")
revision=$(sed -n 's/^ *"revision": "\(.*\)"$/\1/p' "$build/watched" | tail -n 1)

# As long as the server is away, the watch is refused at once; after that it goes on from where it was.
: > "$build/resumed"
until grep -q '"kind"' "$build/resumed"; do
  watch "{\"after\": {\"epoch\": \"$epoch\", \"revision\": $revision}}" "$build/resumed"
  until grep -q '"kind"' "$build/resumed" || ! kill -0 $watch 2> /dev/null; do sleep 0.2; done
  kill $watch 2> /dev/null || sleep 0.5
done
echo "resumed after revision $revision"

refusal=$(call NetworkService/GetNode '{"cvid": 1}' 2>&1 || true)
# The reason is the first field of the detail google.rpc.ErrorInfo, which buf shows as it came, in base64.
reason=$(echo "$refusal" | field value | base64 -d 2> /dev/null | tr -cs 'A-Z_' '\n' | sed -n '/./{p;q;}')
echo "refused $(echo "$refusal" | field code) $reason: $(echo "$refusal" | field message)"
call SessionService/TerminateSession '{}' -H "switchyard-session: $(echo "$session" | field sessionToken)" > /dev/null

#!/bin/sh
# Opens a session, watches the network over a restart of the server, and reads a refusal, with `curl` and JSON:
# run.sh BUILD-FOLDER HOST:PORT of the web door. Debian 12: curl
set -eu
build=$1
url=http://$2/switchyard.v1
call() {
  method=$1 request=$2
  shift 2
  curl -sS -H 'content-type: application/json' "$@" -d "$request" "$url.$method"
}
# A watch is called with an envelope (flags, length, message), and answers with such: the messages are the text between them.
# It runs in the background: the process of the call is `$watch`, and ends with it.
watch() {
  { printf '\000\000\000\000'; printf "\\$(printf %o ${#1})"; printf %s "$1"; } > "$build/request"
  curl -sS -N -H 'content-type: application/connect+json' --data-binary "@$build/request" \
    "$url.NetworkService/WatchNetworkDelta" > "$2" 2> "$build/ended" &
  watch=$!
}
# The value of a field of JSON, of what is read; the last one when there are several.
field() { tr -d '\000' | grep -ao "\"$1\":\"\{0,1\}[^\",}]*" | sed 's/.*:"\{0,1\}//' | tail -n 1; }

session=$(call SessionService/Session '{
  "instanceUuid": "6f1d2c3b-0000-4000-8000-000000009011", "instanceType": "INSTANCE_TYPE_AGENT",
  "name": "an example with curl", "labels": {"language": "curl"}
}')
echo "session $(echo "$session" | field instanceSid)"

watch '{}' "$build/watched"
until grep -qa WATCH_KIND_SNAPSHOT_END "$build/watched"; do sleep 0.2; done
echo "watching $(grep -ao '"instanceUuid"' "$build/watched" | wc -l) nodes"
wait $watch || true
epoch=$(field epoch < "$build/watched")
revision=$(field revision < "$build/watched")

# As long as the server is away, the watch is refused at once; after that it goes on from where it was.
: > "$build/resumed"
until grep -qa '"kind"' "$build/resumed"; do
  watch "{\"after\":{\"epoch\":\"$epoch\",\"revision\":\"$revision\"}}" "$build/resumed"
  until grep -qa '"kind"' "$build/resumed" || ! kill -0 $watch 2> /dev/null; do sleep 0.2; done
  kill $watch 2> /dev/null || sleep 0.5
done
echo "resumed after revision $revision"

refusal=$(call NetworkService/GetNode '{"cvid": 1}')
echo "refused $(echo "$refusal" | field code) $(echo "$refusal" | field reason): $(echo "$refusal" | field message)"
call SessionService/TerminateSession '{}' -H "switchyard-session: $(echo "$session" | field sessionToken)" > /dev/null

#!/usr/bin/env bash
# curl against a running Ferry: what a shell script, a probe or an old client sees. Run by `cargo xtask clients`.
# Environment: BASE_URL, VIA (`ferry` or `direct`). Ends with `N passed, N failed, N skipped`.
set -uo pipefail

base=${BASE_URL:-http://127.0.0.1:7300}
via=${VIA:-ferry}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

# check NAME CONDITION...: counts, and shows the last answer when the condition does not hold.
check() {
  local name=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    echo "ok: $name"
  else
    failed=$((failed + 1))
    echo "FAILED: $name ($*)"
    head -c 1500 "$work/head" "$work/body" 2>/dev/null
  fi
}
through_ferry() {
  [ "$via" = ferry ] && return 0
  skipped=$((skipped + 1))
  echo "skipped: $1 (holds through Ferry only)"
  return 1
}
has_head() { grep -qi -- "$1" "$work/head"; }
has_body() { grep -q -- "$1" "$work/body"; }
status_is() { [ "$(cat "$work/status")" = "$1" ]; }
code_is() { [ "$code" = "$1" ]; }
code_is_not() { [ "$code" != "$1" ]; }

# call ARGS...: one request; head, body, status and curl's exit code are kept.
call() {
  rm -f "$work"/head "$work"/body "$work"/status
  curl --silent --show-error --max-time 60 --noproxy '*' --dump-header "$work/head" --output "$work/body" \
    --write-out '%{http_code}' -H 'anthropic-version: 2023-06-01' "$@" >"$work/status" 2>"$work/errors"
  code=$?
}
ask() { printf '{"model":"claude-haiku-5-5","max_tokens":256,"stream":%s,"messages":[{"role":"user","content":"%s"}]}' "$2" "$1"; }
# messages PROMPT STREAM ARGS...
messages() {
  local body
  body=$(ask "$1" "$2")
  shift 2
  call "$base/v1/messages" -H 'x-api-key: sk-ant-api03-curl' -H 'content-type: application/json' -d "$body" "$@"
}

messages Hello false
check 'a plain answer' status_is 200
check 'its body is a message' has_body '"type":"message"'
check 'its request id is shown' has_head '^request-id: req_'
if through_ferry 'headers of Ferry'; then
  check 'Ferry names the node' has_head '^x-ferry-node: '
  check 'Ferry names the request' has_head '^x-ferry-request-id: '
fi

messages Hello true --no-buffer
check 'a stream' has_head '^content-type: text/event-stream'
check 'it ends in message_stop' has_body '^event: message_stop'
if through_ferry 'anti-buffering headers'; then
  check 'proxies are told not to buffer' has_head '^x-accel-buffering: no'
  check 'caches are told not to transform' has_head '^cache-control: .*no-transform'
fi

messages 'Hello [mock fault=429:retry_after=3]' false
check 'an error keeps its status' status_is 429
check 'an error keeps its retry-after' has_head '^retry-after: 3'
check 'an error keeps its shape' has_body '"type":"rate_limit_error"'

if through_ferry 'a cut stream'; then
  messages 'Hello [mock fault=end:after=4]' true
  check 'a cut stream ends in an error event' has_body '^event: error'
  messages 'Hello [mock fault=html]' false
  check 'a page is a 502' status_is 502
  call "$base/v1/messages" -H 'content-type: application/json' -d '{}'
  check 'no credential is a 401' status_is 401
  check 'with a code' has_head '^x-ferry-code: '
  check 'and what to do' has_body 'x-api-key or as Authorization: Bearer'
  call "$base/elsewhere" -H 'x-api-key: sk-ant-api03-curl'
  check 'a foreign path is a 404' status_is 404
  messages Hello false -H 'Origin: https://page.example'
  check 'a web page is refused' status_is 403
  messages Hello false -H 'Host: attacker.example'
  check 'a foreign Host on loopback is refused' status_is 403
  call --head "$base/api/hello" -H 'x-api-key: sk-ant-api03-curl'
  check 'a warm-up HEAD is answered' code_is 0
fi

call --head "$base/v1/models" -H 'x-api-key: sk-ant-api03-curl'
check 'HEAD ends without a body' code_is 0

head -c 3000000 /dev/zero | tr '\0' 'a' >"$work/big"
{
  printf '{"model":"claude-haiku-5-5","max_tokens":64,"messages":[{"role":"user","content":"'
  cat "$work/big"
  printf '"}]}'
} >"$work/big.json"
call "$base/v1/messages" -H 'x-api-key: sk-ant-api03-curl' -H 'content-type: application/json' -H 'Expect: 100-continue' \
  --expect100-timeout 30 --data-binary "@$work/big.json"
check 'a big body after 100-continue' status_is 200
check 'the 100 came first' has_head '^HTTP/1.1 100'
if through_ferry 'a refusal before the body'; then
  call "$base/v1/messages" -H 'content-type: application/json' -H 'Expect: 100-continue' --expect100-timeout 30 \
    --data-binary "@$work/big.json"
  check 'without a credential no body is asked for' status_is 401
  check 'no 100 came' bash -c "! grep -q '^HTTP/1.1 100' '$work/head'"
fi

if curl --version | grep -q HTTP2; then
  messages Hello false --http2-prior-knowledge
  check 'HTTP/2 with prior knowledge' has_head '^HTTP/2 200'
  messages Hello true --http2-prior-knowledge
  check 'a stream over HTTP/2' has_body '^event: message_stop'
else
  skipped=$((skipped + 2))
  echo 'skipped: HTTP/2 (this curl has none)'
fi

messages Hello false --http1.0
check 'HTTP/1.0' status_is 200
check 'HTTP/1.0 gets no chunks' bash -c "! grep -qi '^transfer-encoding' '$work/head'"
messages Hello true --http1.0
check 'a stream over HTTP/1.0' has_body '^event: message_stop'

messages 'Hello [mock fault=half]' false
if through_ferry 'half an answer'; then
  check 'half an answer is a 502' status_is 502
else
  check 'half an answer is an error of curl' code_is_not 0
fi

call "$base/v1/messages" -H 'authorization: Bearer sk-ant-api03-curl' -H 'content-type: application/json' \
  -H 'anthropic-version: 2026-10-21' -d "$(ask Hello false)"
check 'the new version with Bearer' status_is 200

printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]

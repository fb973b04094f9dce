//! What is removed and what stays, in both directions.

use http::HeaderValue;

use super::*;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    map
}

fn names(map: &HeaderMap) -> Vec<&str> {
    map.keys().map(HeaderName::as_str).collect()
}

#[test]
fn a_request_keeps_what_the_api_needs_and_loses_what_ends_here() {
    let mut map = headers(&[
        ("Host", "127.0.0.1:7300"),
        ("Accept", "application/json"),
        ("Connection", "keep-alive, X-Hop"),
        ("Keep-Alive", "timeout=5"),
        ("X-Hop", "1"),
        ("Proxy-Connection", "keep-alive"),
        ("Proxy-Authorization", "Basic x"),
        ("Proxy-Authenticate", "Basic"),
        ("TE", "trailers"),
        ("Trailer", "x"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
        ("Content-Length", "5"),
        ("Content-Type", "application/json"),
        ("Forwarded", "for=1"),
        ("X-Forwarded-For", "1"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Anything", "1"),
        ("X_Forwarded_For", "1"),
        ("X-Real-IP", "1"),
        ("Via", "1.1 x"),
        ("Cookie", "a=b"),
        ("Origin", "http://x"),
        ("Expect", "100-continue"),
        ("X-Ferry-Anything", "1"),
        ("X-Biz-Type", "customer_service"),
        ("X-Claude-Timezone", "UTC"),
        ("X-Api-Key", "sk-ant-x"),
        ("Authorization", "Bearer x"),
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", "a,b"),
        ("x-stainless-retry-count", "0"),
        ("traceparent", "00-1-2-01"),
        ("user-agent", "x"),
    ]);
    clean_request(&mut map);
    assert_eq!(
        names(&map).into_iter().collect::<std::collections::BTreeSet<_>>(),
        [
            "accept",
            "content-type",
            "x-api-key",
            "authorization",
            "anthropic-version",
            "anthropic-beta",
            "x-stainless-retry-count",
            "traceparent",
            "user-agent"
        ]
        .into_iter()
        .collect()
    );
}

#[test]
fn a_response_keeps_its_length_even_when_connection_lists_it() {
    let mut map = headers(&[
        ("content-length", "5"),
        ("connection", "close, content-length, x-mine"),
        ("x-mine", "1"),
        ("transfer-encoding", "chunked"),
        ("x-ferry-node", "forged"),
        ("request-id", "req_1"),
        ("set-cookie", "a=b"),
        ("anthropic-ratelimit-requests-limit", "5"),
    ]);
    clean_response(&mut map);
    assert_eq!(
        names(&map).into_iter().collect::<std::collections::BTreeSet<_>>(),
        ["content-length", "request-id", "set-cookie", "anthropic-ratelimit-requests-limit"]
            .into_iter()
            .collect()
    );
}

#[test]
fn more_fields_than_one_round_holds_are_all_removed() {
    let mut map = HeaderMap::new();
    for index in 0..50 {
        let name = HeaderName::from_bytes(format!("x-forwarded-{index}").as_bytes()).unwrap();
        map.append(name, HeaderValue::from_static("1"));
    }
    map.append(X_API_KEY, HeaderValue::from_static("k"));
    clean_request(&mut map);
    assert_eq!(names(&map), ["x-api-key"]);
}

#[test]
fn repeated_fields_keep_their_order_and_values() {
    let mut map = headers(&[("anthropic-beta", "a"), ("anthropic-beta", "b"), ("via", "x")]);
    clean_request(&mut map);
    let values: Vec<_> = map.get_all(ANTHROPIC_BETA).iter().collect();
    assert_eq!(values, ["a", "b"]);
}

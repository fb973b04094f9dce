//! Any body: a splice keeps it JSON, changes only `results_url`, and settles at once.

#![no_main]

use bytes::Bytes;
use ferry_wire::results_url::rewrite;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const BASE: &str = "http://127.0.0.1:7300/api";

fn without_urls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("results_url");
            members.values_mut().for_each(without_urls);
        }
        Value::Array(values) => values.iter_mut().for_each(without_urls),
        _ => {}
    }
}

fuzz_target!(|input: &[u8]| {
    let body = Bytes::copy_from_slice(input);
    let Ok(Some(pieces)) = rewrite(&body, BASE) else { return };
    let after = Bytes::from(pieces.concat());
    assert_eq!(rewrite(&after, BASE), Ok(None), "a second splice has nothing to do");
    let Ok(mut before) = serde_json::from_slice::<Value>(&body) else { return };
    let mut after: Value = serde_json::from_slice(&after).expect("still JSON");
    without_urls(&mut before);
    without_urls(&mut after);
    assert_eq!(before, after);
});

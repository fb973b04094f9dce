//! Scans samples: reads JSON lines `{"id", "text"}` from standard input and writes `{"id", "spans"}`, with byte offsets.
//!
//! For scoring the detectors against a corpus; it prints no text.

use std::io::{self, BufRead, Write};

use ferry_rules::redact::{Detectors, Kinds, Scratch};
use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let detectors = Detectors::new(Kinds::ALL, &[]).map_err(io::Error::other)?;
    let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let sample: Value = serde_json::from_str(&line?)?;
        let text = sample.get("text").and_then(Value::as_str).unwrap_or_default();
        detectors.scan(text, &mut scratch, &mut hits);
        let spans: Vec<Value> =
            hits.iter().map(|hit| json!([hit.start, hit.end, hit.kind.name()])).collect();
        writeln!(out, "{}", json!({ "id": sample.get("id"), "spans": spans }))?;
    }
    out.flush()
}

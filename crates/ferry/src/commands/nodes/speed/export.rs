//! The ranking for other programs: CSV as spreadsheets read it, and JSON. Pure: rows in, text out.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::figures::Spread;
use super::Row;

/// Without it spreadsheets take UTF-8 for the code page of their country.
const BYTE_ORDER_MARK: char = '\u{feff}';
const HEADINGS: &str = "rank,node,address,port,source,sent,received,loss,connect_min_ms,connect_avg_ms,connect_p50_ms,\
                        connect_p95_ms,connect_jitter_ms,tls_p50_ms,answer_min_ms,answer_avg_ms,answer_p50_ms,\
                        answer_p95_ms,answer_jitter_ms,status,verdict,reason,warning";

/// RFC 4180, with a byte order mark.
pub(super) fn csv(rows: &[Row]) -> String {
    let mut out = format!("{BYTE_ORDER_MARK}{HEADINGS}\r\n");
    for (index, row) in rows.iter().enumerate() {
        let figures = &row.figures;
        let of = |spread: Option<Spread>, pick: fn(Spread) -> f64| {
            spread.map(|spread| format!("{:.3}", pick(spread))).unwrap_or_default()
        };
        let (connect, answer) = (figures.connect, figures.answer);
        let cells = [
            (index + 1).to_string(),
            row.node.clone(),
            row.candidate.at.ip().to_string(),
            row.candidate.at.port().to_string(),
            row.candidate.source.name().to_owned(),
            figures.sent.to_string(),
            figures.received.to_string(),
            format!("{:.3}", figures.loss()),
            of(connect, |spread| spread.min),
            of(connect, |spread| spread.avg),
            of(connect, |spread| spread.p50),
            of(connect, |spread| spread.p95),
            of(connect, |spread| spread.jitter),
            of(figures.tls, |spread| spread.p50),
            of(answer, |spread| spread.min),
            of(answer, |spread| spread.avg),
            of(answer, |spread| spread.p50),
            of(answer, |spread| spread.p95),
            of(answer, |spread| spread.jitter),
            figures.status.map(|status| status.to_string()).unwrap_or_default(),
            figures.verdict().name().to_owned(),
            figures.fault.as_ref().map(|fault| format!("failed to {fault}")).unwrap_or_default(),
            row.suspicion.map(|suspicion| suspicion.sentence().to_owned()).unwrap_or_default(),
        ];
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        write!(out, "{}\r\n", cells.join(",")).ok();
    }
    out
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// One row as an object.
pub(super) fn object(row: &Row) -> Value {
    let figures = &row.figures;
    json!({
        "node": row.node,
        "address": row.candidate.at.ip().to_string(),
        "port": row.candidate.at.port(),
        "source": row.candidate.source.name(),
        "sent": figures.sent,
        "received": figures.received,
        "loss": figures.loss(),
        "connect_ms": spread(figures.connect),
        "tls_ms": spread(figures.tls),
        "answer_ms": spread(figures.answer),
        "status": figures.status,
        "verdict": figures.verdict().name(),
        "reason": figures.fault.as_ref().map(|fault| format!("failed to {fault}")),
        "warning": row.suspicion.map(super::verdict::Suspicion::sentence),
    })
}

fn spread(spread: Option<Spread>) -> Value {
    let rounded = |time: f64| (time * 1000.0).round() / 1000.0;
    spread.map_or(Value::Null, |spread| {
        json!({
            "min": rounded(spread.min), "avg": rounded(spread.avg), "p50": rounded(spread.p50),
            "p95": rounded(spread.p95), "max": rounded(spread.max), "jitter": rounded(spread.jitter),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::candidates::{Candidate, Source};
    use super::super::verdict::{Figures, Tried};
    use super::*;

    #[test]
    fn a_spreadsheet_reads_the_csv_and_a_program_the_json() {
        let tried = Tried {
            connect_ms: Some(1.5),
            fault: Some("shake hands (TLS) with \"x\", says it".to_owned()),
            ..Tried::default()
        };
        let row = Row {
            node: "tokyo-1".to_owned(),
            candidate: Candidate {
                node: 0,
                at: "203.0.113.7:443".parse().unwrap(),
                source: Source::Given,
            },
            figures: Figures::of(&[tried]),
            suspicion: None,
        };
        let object = object(&row);
        let csv = csv(&[row]);
        assert!(csv.starts_with("\u{feff}rank,node,address,"), "{csv}");
        let line = csv.lines().nth(1).unwrap();
        assert_eq!(
            line,
            "1,tokyo-1,203.0.113.7,443,given,1,0,1.000,1.500,1.500,1.500,1.500,0.000,,,,,,,,dead,\
             \"failed to shake hands (TLS) with \"\"x\"\", says it\","
        );
        assert_eq!(HEADINGS.split(',').count(), 23);
        assert_eq!(object["connect_ms"]["p50"], 1.5);
        assert_eq!(object["verdict"], "dead");
        assert_eq!(object["answer_ms"], Value::Null);
    }
}

//! The grammar, line by line of its table, and what a wrong spec says.

use super::*;

fn check(spec: &str, expected: &Fault) {
    let faults = parse_faults(spec).unwrap_or_else(|error| panic!("{spec}: {error}"));
    assert_eq!(faults.as_slice(), std::slice::from_ref(expected), "{spec}");
}

#[test]
fn every_fault_of_the_table_is_read() {
    let failure = |code| Failure { code, ..Failure::default() };
    check("delay:ms=5", &Fault::Delay { ms: 5 });
    check("stall", &Fault::Stall { at: Point::Head, ms: None });
    check("stall:at=3,ms=20", &Fault::Stall { at: Point::Events(3), ms: Some(20) });
    check("cut", &Fault::Cut { at: Point::Head, how: Break::Rst });
    check("cut:at=100b,how=fin", &Fault::Cut { at: Point::Bytes(100), how: Break::Fin });
    check("reset", &Fault::Cut { at: Point::Head, how: Break::Rst });
    check("end", &Fault::End { after: 3 });
    check("end:after=0", &Fault::End { after: 0 });
    check("half", &Fault::Half { bytes: None });
    check("half:bytes=9", &Fault::Half { bytes: Some(9) });
    check("chunk-cut:after=2", &Fault::ChunkCut { after: 2 });
    check("refused-stream", &Fault::StreamReset { at: Point::Head, code: 7 });
    check("stream-reset:at=2,code=8", &Fault::StreamReset { at: Point::Events(2), code: 8 });
    check("goaway", &Fault::Goaway { last: 0, graceful: false });
    check("goaway:graceful", &Fault::Goaway { last: 0, graceful: true });
    check("529", &Fault::Status(failure(529)));
    check("status:code=409", &Fault::Status(failure(409)));
    check(
        "429:retry_after=none,error_code=enforced_spend_limit_reached",
        &Fault::Status(Failure {
            error_code: Some("enforced_spend_limit_reached".to_owned()),
            retry_after: Some(String::new()),
            ..failure(429)
        }),
    );
    check("413:early", &Fault::Status(Failure { early: true, ..failure(413) }));
    check("html", &Fault::Html { code: 200 });
    check("html:code=502", &Fault::Html { code: 502 });
    check("empty:code=204", &Fault::Empty { code: 204 });
    check("redirect:to=/x", &Fault::Redirect { code: 307, to: "/x".to_owned() });
    check(
        "error-event:after=0,type=api_error",
        &Fault::ErrorEvent { after: 0, kind: "api_error".to_owned() },
    );
    check("drip:bytes=1,ms=2", &Fault::Drip { bytes: 1, ms: 2 });
    check("split", &Fault::Split { bytes: 7 });
    check("join", &Fault::Join);
    check("crlf", &Fault::Crlf);
    check("comments", &Fault::Comments);
    check("unknown-event", &Fault::UnknownEvent { after: 1 });
    check("big-event", &Fault::BigEvent { bytes: 200_000 });
    check("big-head:bytes=10", &Fault::BigHead { bytes: 10 });
    check("gzip", &Fault::Gzip);
    check("chunked", &Fault::Chunked);
    check("close", &Fault::Close);
    check("refuse:ms=50", &Fault::Refuse { ms: 50 });
    check("accept:do=stall", &Fault::Accept(Accept::Stall));
}

#[test]
fn a_rule_joins_faults_and_conditions() {
    let rules =
        parse_rules(" delay:ms=1 + cut:at=2 @ path=/v1/messages, nth=3 ; 529@count=2,p=0.5 ")
            .unwrap();
    assert_eq!(rules.len(), 2);
    assert_eq!(rules[0].faults.len(), 2);
    assert_eq!(rules[0].when.path.as_deref(), Some("/v1/messages"));
    assert_eq!(rules[0].when.nth, Some(3));
    assert_eq!(rules[1].when.count, Some(2));
    assert_eq!(rules[1].when.probability, Some(0.5));
}

#[test]
fn a_wrong_spec_says_what_is_wrong() {
    let cases = [
        ("", "nothing stands where a fault should"),
        ("cut++cut", "nothing stands where a fault should"),
        ("explode", "no fault is named `explode`"),
        ("delay", "`delay` needs `ms=...`"),
        ("delay:ms=soon", "`ms=soon` of `delay` should be a number"),
        ("cut:at=x", "should be `head`, events like `3`, or bytes like `100b`"),
        ("cut:how=gently", "should be `rst` or `fin`"),
        ("cut:after=3", "`cut` has no `after`"),
        ("200", "should be an error status"),
        ("529@often", "`@` has no `often`"),
        ("drip:bytes=0,ms=1", "should be 1 or more"),
        ("html:code=99", "should be a final status"),
    ];
    for (spec, expected) in cases {
        let error = parse_rules(spec).expect_err(spec).to_string();
        assert!(error.contains(expected), "{spec}: {error}");
    }
}

//! Reads fault specs. The grammar stands in [`crate::fault`]; this file follows it and adds nothing.

use super::args::{Args, FaultError};
use super::rule::{Rule, When};
use super::{Accept, Break, Failure, Fault, Point};

/// Every name, for the message about an unknown one.
const NAMES: &str = "delay, stall, cut, reset, end, half, chunk-cut, refused-stream, stream-reset, goaway, status \
                     (or its number), html, empty, redirect, error-event, drip, split, join, crlf, comments, \
                     unknown-event, big-event, big-head, gzip, chunked, close, refuse, accept";

/// HTTP/2 error codes that have a fault of their own (RFC 9113, section 7).
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;

/// Reads a whole spec: rules between `;`.
///
/// # Errors
/// The first word that has no meaning.
pub fn parse_rules(spec: &str) -> Result<Vec<Rule>, FaultError> {
    let rules: Vec<Rule> = spec
        .split(';')
        .filter(|rule| !rule.trim().is_empty())
        .map(parse_rule)
        .collect::<Result<_, _>>()?;
    if rules.is_empty() { Err(FaultError::Empty) } else { Ok(rules) }
}

/// Reads the faults of one rule, without conditions: names between `+`.
///
/// # Errors
/// The first word that has no meaning.
pub fn parse_faults(spec: &str) -> Result<Vec<Fault>, FaultError> {
    spec.split('+').map(parse_fault).collect()
}

fn parse_rule(spec: &str) -> Result<Rule, FaultError> {
    let (what, when) = spec.split_once('@').unwrap_or((spec, ""));
    let mut args = Args::split("@", when);
    let when = When {
        path: args.text("path").map(str::to_owned),
        method: args.text("method").map(str::to_owned),
        nth: args.number("nth")?,
        every: args.number("every")?,
        skip: args.number("skip")?.unwrap_or(0),
        count: args.number("count")?,
        probability: args.number("p")?,
        from_ms: args.number("from_ms")?,
        to_ms: args.number("to_ms")?,
    };
    args.done()?;
    Ok(Rule { faults: parse_faults(what)?, when })
}

fn parse_fault(spec: &str) -> Result<Fault, FaultError> {
    let (name, rest) = spec.split_once(':').unwrap_or((spec, ""));
    let name = name.trim();
    let mut args = Args::split(name, rest);
    let fault = named(name, &mut args)?;
    args.done()?;
    Ok(fault)
}

fn named(name: &str, args: &mut Args<'_>) -> Result<Fault, FaultError> {
    Ok(match name {
        "" => return Err(FaultError::Empty),
        "delay" => Fault::Delay { ms: args.needed("ms")? },
        "stall" => Fault::Stall { at: point(args)?.unwrap_or(Point::Head), ms: args.number("ms")? },
        "cut" => Fault::Cut { at: point(args)?.unwrap_or(Point::Head), how: how(args)? },
        "reset" => Fault::Cut { at: Point::Head, how: Break::Rst },
        "end" => Fault::End { after: after(args)? },
        "half" => Fault::Half { bytes: args.number("bytes")? },
        "chunk-cut" => Fault::ChunkCut { after: after(args)? },
        "refused-stream" => Fault::StreamReset { at: Point::Head, code: REFUSED_STREAM },
        "stream-reset" => Fault::StreamReset {
            at: point(args)?.unwrap_or(Point::Head),
            code: args.number("code")?.unwrap_or(INTERNAL_ERROR),
        },
        "goaway" => Fault::Goaway {
            last: args.number("last")?.unwrap_or(0),
            graceful: args.flag("graceful"),
        },
        "status" => {
            let code = args.needed("code")?;
            Fault::Status(failure(code, args)?)
        }
        "html" => Fault::Html { code: code(args, 200)? },
        "empty" => Fault::Empty { code: code(args, 200)? },
        "redirect" => Fault::Redirect {
            code: code(args, 307)?,
            to: args.text("to").unwrap_or("/v1/elsewhere").to_owned(),
        },
        "error-event" => Fault::ErrorEvent {
            after: after(args)?,
            kind: args.text("type").unwrap_or("overloaded_error").to_owned(),
        },
        "refuse" => Fault::Refuse { ms: args.number("ms")?.unwrap_or(1000) },
        "accept" => Fault::Accept(accept(args)?),
        _ => return shaped(name, args),
    })
}

/// Faults that change the form of an answer and leave it whole, and bare status numbers.
fn shaped(name: &str, args: &mut Args<'_>) -> Result<Fault, FaultError> {
    Ok(match name {
        "drip" => Fault::Drip { bytes: at_least_one(args, "bytes")?, ms: args.needed("ms")? },
        // Seven is odd, prime, and shorter than any line of an event.
        "split" => Fault::Split { bytes: args.number("bytes")?.unwrap_or(7).max(1) },
        "join" => Fault::Join,
        "crlf" => Fault::Crlf,
        "comments" => Fault::Comments,
        "unknown-event" => Fault::UnknownEvent { after: args.number("after")?.unwrap_or(1) },
        "big-event" => Fault::BigEvent { bytes: args.number("bytes")?.unwrap_or(200_000) },
        "big-head" => Fault::BigHead { bytes: args.number("bytes")?.unwrap_or(32 * 1024) },
        "gzip" => Fault::Gzip,
        "chunked" => Fault::Chunked,
        "close" => Fault::Close,
        _ => match name.parse::<u16>() {
            Ok(code) => Fault::Status(failure(code, args)?),
            Err(_not_a_number) => {
                return Err(FaultError::UnknownFault {
                    name: name.to_owned(),
                    known: NAMES.to_owned(),
                });
            }
        },
    })
}

fn failure(code: u16, args: &mut Args<'_>) -> Result<Failure, FaultError> {
    if !(400..=599).contains(&code) {
        return Err(args.bad("code", &code.to_string(), "an error status, 400 to 599"));
    }
    let text = |args: &mut Args<'_>, key: &str| args.text(key).map(str::to_owned);
    Ok(Failure {
        code,
        kind: text(args, "type"),
        message: text(args, "message"),
        error_code: text(args, "error_code"),
        retry_after: text(args, "retry_after").map(|value| match value.as_str() {
            "none" => String::new(),
            _ => value,
        }),
        retry_after_ms: text(args, "retry_after_ms"),
        should_retry: text(args, "should_retry"),
        early: args.flag("early"),
    })
}

fn point(args: &mut Args<'_>) -> Result<Option<Point>, FaultError> {
    let Some(value) = args.text("at") else { return Ok(None) };
    let read = match value.strip_suffix('b') {
        _ if value == "head" => Some(Point::Head),
        Some(bytes) => bytes.parse().ok().map(Point::Bytes),
        None => value.parse().ok().map(Point::Events),
    };
    match read {
        Some(point) => Ok(Some(point)),
        None => Err(args.bad("at", value, "`head`, events like `3`, or bytes like `100b`")),
    }
}

fn how(args: &mut Args<'_>) -> Result<Break, FaultError> {
    match args.text("how") {
        None | Some("rst") => Ok(Break::Rst),
        Some("fin") => Ok(Break::Fin),
        Some(other) => Err(args.bad("how", other, "`rst` or `fin`")),
    }
}

fn accept(args: &mut Args<'_>) -> Result<Accept, FaultError> {
    match args.text("do") {
        None | Some("close") => Ok(Accept::Close),
        Some("reset") => Ok(Accept::Reset),
        Some("stall") => Ok(Accept::Stall),
        Some(other) => Err(args.bad("do", other, "`close`, `reset` or `stall`")),
    }
}

/// Without a number an event fault strikes after three events: the head of a message and its first words are out.
fn after(args: &mut Args<'_>) -> Result<usize, FaultError> {
    Ok(args.number("after")?.unwrap_or(3))
}

fn code(args: &mut Args<'_>, usual: u16) -> Result<u16, FaultError> {
    let code = args.number("code")?.unwrap_or(usual);
    if (200..=599).contains(&code) {
        return Ok(code);
    }
    Err(args.bad("code", &code.to_string(), "a final status, 200 to 599"))
}

fn at_least_one(args: &mut Args<'_>, key: &str) -> Result<usize, FaultError> {
    match args.needed(key)? {
        0 => Err(args.bad(key, "0", "1 or more")),
        bytes => Ok(bytes),
    }
}

#[cfg(test)]
mod tests;

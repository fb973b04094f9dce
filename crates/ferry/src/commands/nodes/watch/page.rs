//! The page that is handed on: the same facts as HTML in one file and as text. Pure: a timeline and a language in, pages
//! out. The HTML asks for nothing from elsewhere and runs no script.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr as _;

use super::super::super::terminal::{pad, wrap};
use super::Lang;
use super::plot::{self, Labels, escaped};
use super::tally::{Outage, Result};
use super::timeline::{Timeline, Why};
use super::words::Tongue;

/// Outages that are listed one by one.
const LISTED: usize = 8;
/// Cells of the text page, which fits a mail and half a screen; a narrower terminal gets fewer.
const CELLS: usize = 78;
/// Cells of the plot in letters, where there is room.
const PLOT: usize = 60;
/// Names of moments below the plot.
const MOMENTS: i64 = 6;

/// Facts in words, in the order of the page.
#[derive(Debug)]
struct Facts {
    measured: String,
    against: String,
    /// A name and both ways' figures.
    rows: Vec<[String; 3]>,
    bridging: String,
    remarks: Vec<String>,
    outages: Vec<[String; 4]>,
    moments: Vec<(i64, String)>,
}

/// Makes pages of one timeline.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) timeline: &'a Timeline,
    pub(super) lang: Lang,
    /// As much as was asked for has been measured.
    pub(super) whole: bool,
}

impl Page<'_> {
    /// The page as text, in lines of at most so many cells.
    pub(super) fn text(&self, cells: usize) -> String {
        let cells = cells.min(CELLS);
        let words = Tongue(self.lang).words();
        let mut lines = wrap(words.title, cells);
        lines.push("=".repeat(words.title.width().min(cells)));
        let Some(facts) = self.facts() else {
            lines.extend(wrap(words.nothing, cells));
            return lines.join("\n") + "\n";
        };
        if !self.whole {
            lines.extend(wrap(words.partial, cells));
        }
        lines.extend(wrap(&facts.measured, cells));
        lines.extend(wrap(&facts.against, cells));
        lines.push(String::new());
        lines.extend(self.table(&facts, cells));
        lines.push(String::new());
        lines.extend(wrap(&facts.bridging, cells));
        facts.remarks.iter().for_each(|remark| lines.extend(wrap(remark, cells)));
        lines.push(String::new());
        lines.extend(self.letters(&facts, cells));
        if !facts.outages.is_empty() {
            lines.push(String::new());
            lines.extend(wrap(words.list, cells));
            for outage in &facts.outages {
                let text = wrap(&Tongue(self.lang).outage(outage), cells.saturating_sub(2));
                lines.extend(text.into_iter().map(|line| format!("  {line}")));
            }
        }
        lines.push(String::new());
        lines.extend(wrap(words.method, cells));
        lines.extend(wrap(words.limits, cells));
        let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        lines.join("\n") + "\n"
    }

    /// The figures of both ways: side by side, or where there is no room for that each with its name.
    fn table(&self, facts: &Facts, cells: usize) -> Vec<String> {
        let words = Tongue(self.lang).words();
        let heads = [String::new(), words.direct.to_owned(), words.ferry.to_owned()];
        let rows: Vec<&[String; 3]> = [&heads].into_iter().chain(&facts.rows).collect();
        let widest = |column: fn(&[String; 3]) -> &String| {
            rows.iter().map(|row| column(row).width()).max().unwrap_or_default()
        };
        let (name, figure) = (widest(|row| &row[0]) + 2, widest(|row| &row[1]) + 2);
        if name + figure + widest(|row| &row[2]) <= cells {
            let line = |[title, direct, ferry]: &[String; 3]| {
                pad(title, name) + &pad(direct, figure) + ferry
            };
            return rows.into_iter().map(line).collect();
        }
        let way = words.direct.width().max(words.ferry.width()) + 2;
        let mut lines = Vec::new();
        for [title, direct, ferry] in &facts.rows {
            lines.extend(wrap(title, cells));
            lines.push(format!("  {}{direct}", pad(words.direct, way)));
            lines.push(format!("  {}{ferry}", pad(words.ferry, way)));
        }
        lines
    }

    /// The plot in letters, with its time below.
    fn letters(&self, facts: &Facts, cells: usize) -> Vec<String> {
        let words = Tongue(self.lang).words();
        let name = words.direct.width().max(words.ferry.width()) + 2;
        let plot = PLOT.min(cells.saturating_sub(name + 2).max(1));
        let [direct, ferry] = plot::letters(self.timeline, plot);
        let [first, last] = [facts.moments.first(), facts.moments.last()]
            .map(|moment| moment.map(|(_, name)| name.as_str()).unwrap_or_default());
        let mut lines = vec![
            format!("{}|{direct}|", pad(words.direct, name)),
            format!("{}|{ferry}|", pad(words.ferry, name)),
        ];
        let key = Tongue(self.lang).key();
        let between = plot.saturating_sub(first.width() + last.width());
        if between > 0 && name + 1 + key.width() <= cells {
            lines.push(format!("{} {first}{}{last}", pad("", name), " ".repeat(between)));
            lines.push(format!("{} {key}", pad("", name)));
        } else {
            lines.extend(wrap(&format!("{first} - {last}"), cells));
            lines.extend(wrap(&key, cells));
        }
        lines
    }

    /// The page as HTML.
    pub(super) fn html(&self) -> String {
        let words = Tongue(self.lang).words();
        let mut body = format!("<h1>{}</h1>\n", escaped(words.title));
        match self.facts() {
            Some(facts) => self.body(&facts, &mut body),
            None => put(&mut body, &format!("<p>{}</p>", escaped(words.nothing))),
        }
        format!(
            "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n\
             </head>\n<body>\n{body}</body>\n</html>\n",
            words.tag,
            escaped(words.title)
        )
    }

    fn body(&self, facts: &Facts, body: &mut String) {
        let words = Tongue(self.lang).words();
        let cells = |kind: &str, cells: &[String]| -> String {
            let cells = cells.iter().map(|cell| format!("<{kind}>{}</{kind}>", escaped(cell)));
            cells.collect::<Vec<_>>().concat()
        };
        if !self.whole {
            put(body, &format!("<p class=\"partial\">{}</p>", escaped(words.partial)));
        }
        for text in [&facts.measured, &facts.against] {
            put(body, &format!("<p class=\"fact\">{}</p>", escaped(text)));
        }
        let heads = [String::new(), words.direct.to_owned(), words.ferry.to_owned()];
        put(body, &format!("<table class=\"figures\">\n<tr>{}</tr>", cells("th", &heads)));
        for [title, direct, ferry] in &facts.rows {
            let figures = cells("td", &[direct.clone(), ferry.clone()]);
            put(body, &format!("<tr><th>{}</th>{figures}</tr>", escaped(title)));
        }
        put(body, "</table>");
        put(body, &format!("<p class=\"bridging\">{}</p>", escaped(&facts.bridging)));
        put(body, &format!("<h2>{}</h2>", escaped(words.plot)));
        let labels = Labels { title: words.plot, direct: words.direct, ferry: words.ferry };
        body.push_str(&plot::svg(self.timeline, &labels, &facts.moments));
        let keys = [
            ("direct", words.direct),
            ("ferry", words.ferry),
            ("bad", words.failed),
            ("gap", words.unmeasured),
        ];
        let keys: String = keys
            .map(|(class, name)| format!("<span class=\"key {class}\"></span>{} ", escaped(name)))
            .concat();
        put(body, &format!("<p class=\"keys\">{keys}</p>"));
        for remark in &facts.remarks {
            put(body, &format!("<p class=\"fact\">{}</p>", escaped(remark)));
        }
        if !facts.outages.is_empty() {
            put(body, &format!("<h2>{}</h2>", escaped(words.list)));
            let heads = words.heads.map(str::to_owned);
            put(body, &format!("<table class=\"list\">\n<tr>{}</tr>", cells("th", &heads)));
            for outage in &facts.outages {
                put(body, &format!("<tr>{}</tr>", cells("td", outage)));
            }
            put(body, "</table>");
        }
        put(
            body,
            &format!("<p class=\"small\">{} {}</p>", escaped(words.method), escaped(words.limits)),
        );
    }

    fn facts(&self) -> Option<Facts> {
        let (tongue, words) = (Tongue(self.lang), Tongue(self.lang).words());
        let (from, to) = self.timeline.ends()?;
        let result = Result::of(self.timeline);
        let (direct, ferry) = (&result.direct, &result.ferry);
        let start = self.timeline.start.clone().unwrap_or_default();
        let zone = zone(&start.timezone);
        let longest = |outage: Option<&Outage>| {
            outage.map_or_else(|| words.none.to_owned(), |outage| tongue.span(outage.lasted_ms()))
        };
        let row = |name: &str, direct: String, ferry: String| [name.to_owned(), direct, ferry];
        let bridged: Vec<&Outage> = result.bridged().collect();
        let bridged_ms = bridged.iter().map(|outage| outage.lasted_ms()).sum();
        let span = tongue.span(self.timeline.measured_ms());
        let ending = tongue.moment(&date(to, &zone), zone.iana_name().unwrap_or("UTC"));
        Some(Facts {
            measured: tongue.measured(&date(from, &zone), &ending, &span, direct.rounds),
            against: tongue.against(&start.against, &start.nodes),
            rows: vec![
                row(words.success, percent(direct.success()), percent(ferry.success())),
                row(words.p50, Tongue::millis(direct.p50_ms), Tongue::millis(ferry.p50_ms)),
                row(words.p99, Tongue::millis(direct.p99_ms), Tongue::millis(ferry.p99_ms)),
                row(
                    words.outages,
                    direct.outages.len().to_string(),
                    ferry.outages.len().to_string(),
                ),
                row(words.longest, longest(direct.longest()), longest(ferry.longest())),
            ],
            bridging: tongue.bridging(
                bridged.len(),
                direct.outages.len(),
                &tongue.span(bridged_ms),
            ),
            remarks: self.remarks(&result),
            outages: self.outages(&direct.outages, &zone),
            moments: moments(from, to, &zone),
        })
    }

    fn remarks(&self, result: &Result) -> Vec<String> {
        let tongue = Tongue(self.lang);
        let mut remarks = Vec::new();
        if result.moved > 0 {
            remarks.push(tongue.moved(result.moved));
        }
        if result.home > 0 {
            remarks.push(tongue.home(result.home));
        }
        let gaps = [Why::Stopped, Why::Asleep, Why::HeldUp].into_iter().filter_map(|why| {
            let gaps: Vec<i64> = self
                .timeline
                .gaps
                .iter()
                .filter(|gap| gap.why == why)
                .map(|gap| gap.to_ms - gap.from_ms)
                .collect();
            (!gaps.is_empty()).then(|| tongue.gap(why, gaps.len(), &tongue.span(gaps.iter().sum())))
        });
        let mut gaps: Vec<String> = gaps.collect();
        if self.timeline.set_back > 0 {
            gaps.push(tongue.set_back(self.timeline.set_back));
        }
        if !gaps.is_empty() {
            let [colon, comma, stop] = match self.lang {
                Lang::En => [": ", "; ", "."],
                Lang::Zh => ["：", "；", "。"],
            };
            let head = match self.lang {
                Lang::En => "Not measured",
                Lang::Zh => "未测量",
            };
            remarks.push(format!("{head}{colon}{}{stop}", gaps.join(comma)));
        }
        remarks
    }

    fn outages(&self, outages: &[Outage], zone: &TimeZone) -> Vec<[String; 4]> {
        let (tongue, words) = (Tongue(self.lang), Tongue(self.lang).words());
        let mut outages: Vec<&Outage> = outages.iter().collect();
        outages.sort_by_key(|outage| std::cmp::Reverse(outage.lasted_ms()));
        let mut rows: Vec<[String; 4]> = outages
            .iter()
            .take(LISTED)
            .map(|outage| {
                let meanwhile = if outage.is_bridged() {
                    words.bridged.to_owned()
                } else {
                    tongue.others(outage.others, outage.rounds)
                };
                [
                    date(outage.from_ms, zone),
                    tongue.span(outage.lasted_ms()),
                    tongue.cause(&outage.fault),
                    meanwhile,
                ]
            })
            .collect();
        if outages.len() > LISTED {
            let more = tongue.more(outages.len() - LISTED);
            rows.push([more, String::new(), String::new(), String::new()]);
        }
        rows
    }
}

/// A known name, or the zone of this system.
pub(super) fn zone(name: &str) -> TimeZone {
    if name.is_empty() {
        return TimeZone::try_system().unwrap_or(TimeZone::UTC);
    }
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

fn date(at_ms: i64, zone: &TimeZone) -> String {
    written(at_ms, zone, "%Y-%m-%d %H:%M:%S")
}

pub(super) fn written(at_ms: i64, zone: &TimeZone, form: &str) -> String {
    let moment = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    moment.to_zoned_datetime(zone.clone()).strftime(form).to_string()
}

/// Moments at equal distances, named as finely as the span asks for.
fn moments(from: i64, to: i64, zone: &TimeZone) -> Vec<(i64, String)> {
    let form = match to - from {
        ..600_000 => "%H:%M:%S",
        600_000..172_800_000 => "%H:%M",
        _ => "%m-%d %H:%M",
    };
    let at = |step: i64| from + (to - from) * step / MOMENTS;
    (0..=MOMENTS).map(|step| (at(step), written(at(step), zone, form))).collect()
}

/// Never rounded up to a whole hundred.
fn percent(share: f64) -> String {
    let percent = (share * 10_000.0).floor() / 100.0;
    if percent >= 100.0 { "100%".to_owned() } else { format!("{percent:.2}%") }
}

fn put(out: &mut String, line: &str) {
    writeln!(out, "{line}").ok();
}

const STYLE: &str = "\
:root { color-scheme: light; --direct: #c2570c; --ferry: #0b6e69; --bad: #b3172a; --gap: #e3e3e3; }
body { font: 15px/1.5 system-ui, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif; color: #1c1c1c;
  background: #fff; max-width: 980px; margin: 28px auto; padding: 0 16px; }
h1 { font-size: 24px; margin: 0 0 8px; } h2 { font-size: 16px; margin: 24px 0 8px; }
.fact { margin: 2px 0; color: #555; overflow-wrap: anywhere; }
.partial { margin: 2px 0; color: var(--bad); }
.bridging { font-size: 18px; font-weight: 600; margin: 12px 0 0; }
table { border-collapse: collapse; width: 100%; }
.figures { margin-top: 18px; }
.figures th, .figures td { text-align: left; padding: 6px 12px 6px 0; border-bottom: 1px solid #ddd; font-weight: 400; }
.figures tr:first-child th { font-weight: 600; }
.figures tr:first-child th:nth-child(2) { color: var(--direct); }
.figures tr:first-child th:nth-child(3) { color: var(--ferry); }
.figures td { font-size: 20px; font-variant-numeric: tabular-nums; }
.list { font-size: 13px; }
.list th, .list td { text-align: left; padding: 3px 12px 3px 0; vertical-align: top; overflow-wrap: anywhere; }
.list td:nth-child(-n+2) { white-space: nowrap; }
.small { font-size: 13px; color: #555; margin-top: 24px; }
svg { width: 100%; height: auto; display: block; }
.grid { stroke: #e6e6e6; } .tick { font-size: 11px; fill: #555; }
.curve { fill: none; stroke-width: 1.6; } .curve.direct { stroke: var(--direct); } .curve.ferry { stroke: var(--ferry); }
.shade { opacity: .16; stroke: none; } .shade.direct, .dot.direct { fill: var(--direct); }
.shade.ferry, .dot.ferry { fill: var(--ferry); }
.strip { opacity: .22; } .strip.direct { fill: var(--direct); } .strip.ferry { fill: var(--ferry); }
.bad { fill: var(--bad); } rect.gap { fill: var(--gap); opacity: .7; }
.keys { font-size: 13px; color: #555; margin: 4px 0; }
.key { display: inline-block; width: 12px; height: 12px; margin: 0 6px -1px 10px; }
.key.direct { background: var(--direct); } .key.ferry { background: var(--ferry); }
.key.bad { background: var(--bad); } .key.gap { background: var(--gap); }
@media print { body { margin: 0 auto; } }
";

#[cfg(test)]
mod tests;

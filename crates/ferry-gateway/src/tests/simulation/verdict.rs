//! What must hold of every run, whatever went wrong in it.

use std::collections::BTreeSet;
use std::time::Duration;

use ferry_rules::budget::PAID_PER_SECOND;

use super::client::Heard;
use super::ledger::{Delivery, Fate, Ledger};
use super::network::Network;
use super::world::TIMEOUTS;

/// Retries of one request, as the design has them (reliability.md 2.1): not the code's word, which is what is
/// judged here.
const PAID_MAX: usize = 1;
const FREE_MAX: usize = 3;
/// How far past its deadline an answer may come: timers tick in milliseconds.
const SLACK: Duration = Duration::from_millis(20);
/// A connection that is dead and not used is closed within this.
const DEAD_FOR: Duration = Duration::from_secs(25);
/// The node sees a hang-up within this and a round trip.
const CANCEL: Duration = Duration::from_millis(20);
/// A reused connection that dies so soon after a write is taken for one that was dead before.
const STALE_WITHIN: Duration = Duration::from_secs(1);
/// The head of a stream is held back no longer than this for its first content.
const HELD_FOR: Duration = Duration::from_secs(1);

/// What runs added up to.
#[derive(Debug, Default, Clone)]
pub(super) struct Tally {
    pub(super) runs: usize,
    pub(super) requests: usize,
    pub(super) answered: usize,
    pub(super) left: usize,
    pub(super) cut: usize,
    /// Failed while no path worked all the time.
    pub(super) hopeless: usize,
    /// Failed although one worked, each for a reason that the rules name.
    pub(super) spent: [usize; 5],
    pub(super) generations: usize,
    pub(super) paid: usize,
}

/// Why a request may fail although a path works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spent {
    /// It had its paid retry, or the budget had none left.
    Paid,
    /// It was written as often as it may be.
    Attempts,
    /// The provider said that waiting does not help.
    Told,
    /// A call that is no stream was silent until its end.
    Silent,
    /// The head of its stream was out before its content came.
    Committed,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.requests += other.requests;
        self.answered += other.answered;
        self.left += other.left;
        self.cut += other.cut;
        self.hopeless += other.hopeless;
        self.generations += other.generations;
        self.paid += other.paid;
        for (sum, more) in self.spent.iter_mut().zip(other.spent) {
            *sum += more;
        }
    }
}

/// Judges a run by what was heard and what was done.
pub(super) fn judge(net: &Network, heard: &[Heard], page: &str) -> Result<Tally, String> {
    let ledger = net.ledger();
    let mut tally = Tally { runs: 1, requests: heard.len(), ..Tally::default() };
    for (number, heard) in heard.iter().enumerate() {
        let case = Case { net, ledger: &ledger, number, heard };
        case.judge(&mut tally).map_err(|what| format!("r{number}: {what}\n{heard:?}"))?;
    }
    bounded(net, &ledger, &mut tally, page)?;
    Ok(tally)
}

/// Generations over all requests.
fn bounded(net: &Network, ledger: &Ledger, tally: &mut Tally, page: &str) -> Result<(), String> {
    let paid = page.lines().find_map(|line| {
        line.strip_prefix(r#"ferry_retries_total{cost="paid"} "#)?.trim().parse::<usize>().ok()
    });
    let paid = paid.ok_or("the metrics say nothing about paid retries")?;
    let (mut ran, mut asked, mut young) = (0, 0, 0);
    for deliveries in &ledger.deliveries {
        let count = deliveries.iter().filter(|delivery| delivery.said.is_some()).count();
        ran += count;
        asked += usize::from(count > 0);
        young += nodes_of_young(deliveries);
    }
    tally.generations = ran;
    tally.paid = paid;
    if ran > asked + paid + young {
        let what = format!("{ran} generations for {asked} requests, {paid} paid, {young} stale");
        return Err(what);
    }
    let plan = &net.plan;
    let earned =
        plan.paid_ratio * number(tally.requests) + PAID_PER_SECOND * net.now().as_secs_f64();
    if number(paid) > f64::from(plan.paid_burst) + earned {
        return Err(format!("{paid} paid retries, where {earned} were earned"));
    }
    Ok(())
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// A model may have run on a connection that the gateway took for dead before.
fn died_young(delivery: &Delivery) -> bool {
    let soon = |ended: Duration| ended < delivery.written + STALE_WITHIN;
    delivery.said.is_some()
        && delivery.reused
        && delivery.answered.is_none()
        && delivery.fate == Fate::Broken
        && delivery.ended.is_some_and(soon)
}

/// Nodes where a model may have run so; each node's kept connections may be found dead once.
fn nodes_of_young(deliveries: &[Delivery]) -> usize {
    let machines: BTreeSet<usize> =
        deliveries.iter().filter(|at| died_young(at)).map(|delivery| delivery.machine).collect();
    machines.len()
}

struct Case<'a> {
    net: &'a Network,
    ledger: &'a Ledger,
    number: usize,
    heard: &'a Heard,
}

impl Case<'_> {
    fn judge(&self, tally: &mut Tally) -> Result<(), String> {
        self.generations()?;
        let Some(ended) = self.heard.ended else {
            tally.left += 1;
            return self.cancelled();
        };
        let call = self.net.plan.calls[self.number];
        let total = if call.stream { TIMEOUTS.stream_total } else { TIMEOUTS.nonstream_total };
        if ended > call.at + total + SLACK {
            return Err(format!("it took {:?}", ended.saturating_sub(call.at)));
        }
        if self.heard.status == 0 || !self.heard.whole {
            return Err("its answer is not whole".to_owned());
        }
        let text = match (self.heard.status, call.stream) {
            (200, true) => Some(self.stream()?),
            (200, false) => Some(self.json()?),
            _ => None,
        };
        match text {
            Some((said, true)) => {
                self.one_generation(&said, true)?;
                tally.answered += 1;
            }
            Some((said, false)) if !said.is_empty() => {
                self.one_generation(&said, false)?;
                tally.cut += 1;
            }
            Some(_) | None => match self.lost(ended)? {
                None => tally.hopeless += 1,
                Some(spent) => tally.spent[spent as usize] += 1,
            },
        }
        Ok(())
    }

    fn deliveries(&self) -> &[Delivery] {
        &self.ledger.deliveries[self.number]
    }

    /// No more models run than were asked for, one paid retry and those that were taken for stale.
    fn generations(&self) -> Result<(), String> {
        let ran = self.deliveries().iter().filter(|delivery| delivery.said.is_some()).count();
        if ran > 1 + PAID_MAX + nodes_of_young(self.deliveries()) {
            return Err(format!("{ran} generations"));
        }
        Ok(())
    }

    /// A client that has left: nobody works for it any more.
    fn cancelled(&self) -> Result<(), String> {
        let Some(left) = self.ledger.left[self.number] else { return Ok(()) };
        for delivery in self.deliveries() {
            let node = &self.net.plan.nodes[delivery.machine];
            let seen = left + CANCEL + node.rtt;
            if node.http2 && !self.net.plan.works(delivery.machine, left, seen) {
                // The RST_STREAM may have been lost.
                continue;
            }
            if delivery.written > left + CANCEL {
                return Err(format!("sent to n{} after its client left", delivery.machine));
            }
            if delivery.ended.is_none_or(|ended| ended > seen) {
                return Err(format!("still served on c{} after its client left", delivery.pipe));
            }
        }
        Ok(())
    }

    /// The text of a stream, and whether it ended well. Ending in neither way is no end at all.
    fn stream(&self) -> Result<(String, bool), String> {
        let body = &self.heard.body;
        let mut said = String::new();
        let (mut starts, mut stops, mut errors, mut after) = (0, 0, 0, 0);
        for event in body.split_inclusive("\n\n") {
            let Some(event) = event.strip_suffix("\n\n") else {
                return Err("half an event".to_owned());
            };
            after += stops + errors;
            let (name, data) = event.split_once("\ndata: ").ok_or("an event without data")?;
            match name.strip_prefix("event: ") {
                Some("message_start") => starts += 1,
                Some("message_stop") => stops += 1,
                Some("error") => errors += 1,
                Some("content_block_delta") => said.push_str(&text_of(data)?),
                _ => {}
            }
        }
        if starts > 1 || stops + errors != 1 || after > 0 {
            let what =
                format!("{starts} starts, {stops} stops, {errors} errors, {after} after the end");
            return Err(what);
        }
        Ok((said, stops == 1))
    }

    fn json(&self) -> Result<(String, bool), String> {
        let message: serde_json::Value =
            serde_json::from_str(&self.heard.body).map_err(|error| error.to_string())?;
        let said = message["content"][0]["text"].as_str().ok_or("no text")?.to_owned();
        Ok((said, true))
    }

    /// What the client was told is what one model said: all of it, or its beginning.
    fn one_generation(&self, told: &str, whole: bool) -> Result<(), String> {
        let said = self.deliveries().iter().filter_map(|delivery| delivery.said.as_ref());
        let matches = |said: &String| if whole { said == told } else { said.starts_with(told) };
        let count = said.map(|pieces| pieces.concat()).filter(matches).count();
        if count == 1 { Ok(()) } else { Err(format!("{count} generations said {told:?}")) }
    }

    /// Tries that never reached a server of streams: only the gateway knows of them, and says so in a head that
    /// was not sent before.
    fn unseen(&self, from: Duration, until: Duration) -> usize {
        let plan = &self.net.plan;
        let said = self.heard.head.split_once("x-ferry-attempts: ").map(|(_, rest)| rest);
        let said = said.and_then(|rest| rest.lines().next()?.parse::<usize>().ok());
        // What its path has forgotten may stand in the pool for as long.
        let before = from.saturating_sub(DEAD_FOR);
        let lossy = |node: &usize| plan.nodes[*node].http2 && !plan.works(*node, before, until);
        match said {
            Some(said) => said.saturating_sub(self.deliveries().len()),
            None => (0..plan.nodes.len()).filter(lossy).count(),
        }
    }

    /// All free retries are made, and not all at one node.
    fn has_gone_round(&self) -> bool {
        let first = self.deliveries().first().map(|delivery| delivery.machine);
        self.deliveries().len() > FREE_MAX
            && self.deliveries().iter().any(|delivery| Some(delivery.machine) != first)
    }

    /// No path worked: then it has waited for one as long as it may.
    fn patient(&self, from: Duration, ended: Duration) -> Result<Option<Spent>, String> {
        let tried = !self.deliveries().is_empty() || self.unseen(from, ended) > 0;
        if !tried && ended + SLACK < from + TIMEOUTS.patience {
            return Err(format!("given up after {:?}", ended.saturating_sub(from)));
        }
        Ok(None)
    }

    /// It failed. `None`: no path worked all the time. An error: one did, and nothing excuses the failure.
    fn lost(&self, ended: Duration) -> Result<Option<Spent>, String> {
        let plan = &self.net.plan;
        let call = plan.calls[self.number];
        let works = (0..plan.nodes.len()).find(|node| plan.works(*node, call.at, ended));
        let Some(node) = works else { return self.patient(call.at, ended) };
        let doubtful = |delivery: &&Delivery| match delivery.fate {
            Fate::Unknown | Fate::Broken | Fate::Left | Fate::Strange => true,
            // A server of streams does not see what the path does to its last bytes.
            Fate::Whole => plan.nodes[delivery.machine].http2,
            Fate::Refused => false,
        };
        let unseen = self.unseen(call.at, ended);
        let doubtful = self.deliveries().iter().filter(doubtful).count() + unseen;
        let committed = |delivery: &Delivery| match (delivery.answered, delivery.ended) {
            (Some(answered), Some(done)) => {
                done >= answered + HELD_FOR
                    || (plan.nodes[delivery.machine].http2
                        && !plan.works(delivery.machine, answered, ended))
            }
            _ => false,
        };
        let spent = if doubtful > PAID_MAX || (doubtful > 0 && !plan.is_generous()) {
            Spent::Paid
        } else if self.deliveries().len() + unseen >= plan.attempts_max as usize
            || self.has_gone_round()
        {
            Spent::Attempts
        } else if self.heard.status == 429 && !self.heard.head.contains("retry-after") {
            Spent::Told
        } else if !call.stream && ended >= call.at + TIMEOUTS.nonstream_total {
            Spent::Silent
        } else if self.heard.status == 200 && self.deliveries().iter().any(committed) {
            Spent::Committed
        } else {
            return Err(format!("lost, although n{node} worked all the time"));
        };
        Ok(Some(spent))
    }
}

fn text_of(data: &str) -> Result<String, String> {
    let delta: serde_json::Value = serde_json::from_str(data).map_err(|error| error.to_string())?;
    Ok(delta["delta"]["text"].as_str().ok_or("no text")?.to_owned())
}

//! The trial's sentences, in English and Chinese: what is compared, the table, the faults and what became of them.

use super::super::caller::End;
use super::super::dial::Mood;
use super::super::tally::Tally;
use super::super::trial::Progress;
use super::Lang;

/// The sentences without figures.
#[derive(Debug)]
pub(in super::super) struct TrialWords {
    /// What is compared, and how hard the dial is turned.
    pub(in super::super) intro: [&'static str; 3],
    /// Headings of the figures and of the faults: what, direct, Ferry.
    pub(in super::super) figures: [&'static str; 3],
    pub(in super::super) faults: [&'static str; 3],
    /// Of a bar: whole answers, and the rest; 8 cells together.
    pub(in super::super) ends: [&'static str; 2],
    /// Names of the figures: at most 20 cells.
    pub(in super::super) rows: [&'static str; 10],
    pub(in super::super) legend: &'static str,
    /// Names of the faults: at most 20 cells.
    pub(in super::super) fault_names: [&'static str; 5],
    /// What became of them.
    pub(in super::super) fault_notes: [&'static str; 5],
    /// Keys, where there are any.
    pub(in super::super) keys: &'static str,
    pub(in super::super) kinds: &'static str,
    /// Of the mock's address.
    pub(in super::super) own_certificate: &'static str,
}

const EN: TrialWords = TrialWords {
    intro: [
        "direct: as an application without a gateway: through node-1's path, a connection for each request, one try, 5 s to connect as in the official Python SDK.",
        "Ferry: the same requests at the same moments, three such paths, default settings.",
        "The dial: of 20 connections 4 are reset at set-up, 4 never answered, 2 come 2-3 s late; 1 answer in 25 is cut before its text, 1 in 200 after.",
    ],
    figures: ["Result", "direct", "Ferry"],
    faults: ["What went wrong", "direct", "Ferry"],
    ends: ["ok", "failed"],
    rows: [
        "whole answers",
        "success",
        "added P50",
        "added P99",
        "first token P50",
        "first token P99",
        "connections tried",
        "asked again",
        "answers generated",
        "  per whole answer",
    ],
    legend: "added: what whole answers took beyond the model's own time, which the mock keeps to the millisecond.",
    fault_names: [
        "connection reset",
        "never answered",
        "2-3 s late",
        "cut before text",
        "cut after text",
    ],
    fault_notes: [
        "direct: failed. Ferry: dialled the next path at once; nothing had been sent, so it is free.",
        "direct: failed after 5 s. Ferry: raced another path after 150 ms, for free.",
        "direct: waited. Ferry: took a connection that came sooner; the late one serves later requests.",
        "direct: failed. Ferry: asked again within its budget (2 % and 20 in reserve), since such an answer may be billed twice.",
        "Not saved: the reader has text already. direct: breaks off. Ferry: ends in an error event, so that half an answer never looks whole.",
    ],
    keys: "Keys: 1 2 3 node; d dies, b back as before, f no faults, s slows, c cuts; q quits",
    kinds: "One request of each kind, while the paths are fair",
    own_certificate: "The mock signs its own certificate: open its counters with curl -k.",
};

const ZH: TrialWords = TrialWords {
    intro: [
        "直连：没有网关的应用：走 node-1 的线路，每个请求新建一条连接，只试一次，建连时限 5 秒（与官方 Python SDK 相同）。",
        "Ferry：同样的请求、同样的时刻，三条同样的线路，默认设置。",
        "故障：每 20 条连接中 4 条被重置，4 条无人应答，2 条晚 2-3 秒；每 25 个回答中 1 个在出字前中断，每 200 个中 1 个在出字后中断。",
    ],
    figures: ["结果", "直连", "Ferry"],
    faults: ["遇到的故障", "直连", "Ferry"],
    ends: ["完整", "失败"],
    rows: [
        "完整回答",
        "成功率",
        "附加延迟 P50",
        "附加延迟 P99",
        "首字 P50",
        "首字 P99",
        "尝试的连接",
        "重新请求",
        "生成的回答",
        "  每个完整回答",
    ],
    legend: "附加延迟：完整回答的用时减去模型自身用时；模拟服务按毫秒遵守后者。",
    fault_names: ["连接被重置", "连接无人应答", "建连晚 2-3 秒", "出字前中断", "出字后中断"],
    fault_notes: [
        "直连：失败。Ferry：立即改走下一条线路；请求尚未发出，不产生费用。",
        "直连：5 秒后失败。Ferry：150 毫秒后并行尝试另一条线路，不产生费用。",
        "直连：干等。Ferry：改用先建好的连接；晚到的留给后面的请求。",
        "直连：失败。Ferry：重新请求。这样的回答可能计费两次，所以有预算：请求数的 2%，外加 20 次储备。",
        "无法挽救：文字已到读者手里。直连：戛然而止。Ferry：以错误事件结束，半个回答绝不会被当成完整回答。",
    ],
    keys: "按键：1 2 3 选节点；d 断开，b 恢复原状，f 无故障，s 变慢，c 中断回答；q 退出",
    kinds: "线路恢复正常后，每种请求各发一个",
    own_certificate: "模拟服务的证书由它自己签发：用 curl -k 查看计数。",
};

impl Lang {
    pub(in super::super) const fn trial(self) -> &'static TrialWords {
        match self {
            Self::En => &EN,
            Self::Zh => &ZH,
        }
    }

    /// Without a terminal: how far it is.
    pub(in super::super) fn progress(self, direct: Progress, ferry: Progress) -> String {
        let (direct_ended, ferry_ended) =
            (direct.whole + direct.failed, ferry.whole + ferry.failed);
        match self {
            Self::En => format!(
                "direct: {} whole of {direct_ended} so far; Ferry: {} of {ferry_ended}",
                direct.whole, ferry.whole
            ),
            Self::Zh => format!(
                "直连：{direct_ended} 个中 {} 个完整；Ferry：{ferry_ended} 个中 {} 个完整",
                direct.whole, ferry.whole
            ),
        }
    }

    /// Somebody stopped the trial.
    pub(in super::super) fn partial(self, direct: &Tally, ferry: &Tally) -> String {
        let [direct_ended, ferry_ended] = [direct, ferry].map(Tally::ended);
        let (direct_asked, ferry_asked) = (direct.asked, ferry.asked);
        match self {
            Self::En => format!(
                "Stopped early: these are the {direct_ended} of {direct_asked} direct requests and {ferry_ended} of {ferry_asked} through Ferry that had ended."
            ),
            Self::Zh => format!(
                "提前停止：以下为已结束的直连请求 {direct_ended}/{direct_asked}、经 Ferry 的请求 {ferry_ended}/{ferry_asked}。"
            ),
        }
    }

    /// Whether Ferry kept its word.
    pub(in super::super) fn verdict(self, ferry: &Tally) -> String {
        let percent = ferry.percent();
        let added = ferry.added.map_or(0, |added| added.p99.as_millis());
        let good = ferry.is_good();
        match self {
            Self::En => format!(
                "Ferry {} its word: {percent:.1} % whole (at least 99 %), P99 added {added} ms (at most 800 ms).",
                if good { "kept" } else { "broke" }
            ),
            Self::Zh => format!(
                "Ferry {}承诺：完整率 {percent:.1}%，至少 99%；P99 附加延迟 {added} 毫秒，至多 800 毫秒。",
                if good { "达到" } else { "未达到" }
            ),
        }
    }

    /// Ends that the dial does not explain.
    pub(in super::super) fn others(self, ends: &[End]) -> String {
        let told: Vec<String> = ends.iter().map(|end| self.end(*end)).collect();
        match self {
            Self::En => format!("Ferry, not explained by the table: {}", told.join(", ")),
            Self::Zh => format!("Ferry 另有上表未说明的失败：{}", told.join("、")),
        }
    }

    fn end(self, end: End) -> String {
        match end {
            End::Status(status) => format!("HTTP {status}"),
            End::Whole => self.pick("whole", "完整").to_owned(),
            End::Reset => self.pick("connection reset", "连接被重置").to_owned(),
            End::Unanswered => self.pick("never answered", "连接无人应答").to_owned(),
            End::CutBefore | End::ErrorBefore => {
                self.pick("cut before text", "出字前中断").to_owned()
            }
            End::CutAfter | End::ErrorAfter => self.pick("cut after text", "出字后中断").to_owned(),
            End::Late => self.pick("no end in 30 s", "30 秒内未结束").to_owned(),
        }
    }

    /// A path's mood, as the last lines show it.
    pub(in super::super) const fn mood(self, mood: Mood) -> &'static str {
        match mood {
            Mood::Rough => self.pick("bad", "波动"),
            Mood::Fair => self.pick("fair", "正常"),
            Mood::Dead => self.pick("DEAD", "断开"),
            Mood::Slow => self.pick("SLOW", "变慢"),
            Mood::Cutting => self.pick("CUTS", "中断"),
        }
    }

    /// The shares of whole answers among the last ones; nothing before the first has ended.
    pub(in super::super) fn shares(self, [direct, ferry]: [Option<u32>; 2]) -> String {
        let percent =
            |share: Option<u32>| share.map_or_else(|| "-".to_owned(), |share| format!("{share} %"));
        let (direct, ferry) = (percent(direct), percent(ferry));
        match self {
            Self::En => format!("Last 40 whole: direct {direct}, Ferry {ferry}"),
            Self::Zh => format!("最近 40 个完整率：直连 {direct}，Ferry {ferry}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    #[test]
    fn names_fit_their_column() {
        for words in [&EN, &ZH] {
            for name in words.rows.iter().chain(&words.fault_names) {
                assert!(name.width() <= 20, "{name}");
            }
        }
    }
}

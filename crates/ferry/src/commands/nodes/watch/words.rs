//! Every sentence of the comparison's page, in English and Chinese. A language is complete or does not compile.

use super::Lang;
use super::timeline::Why;

/// The sentences without figures.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) tag: &'static str,
    pub(super) title: &'static str,
    pub(super) direct: &'static str,
    pub(super) ferry: &'static str,
    pub(super) success: &'static str,
    pub(super) p50: &'static str,
    pub(super) p99: &'static str,
    pub(super) longest: &'static str,
    pub(super) outages: &'static str,
    pub(super) none: &'static str,
    pub(super) plot: &'static str,
    pub(super) failed: &'static str,
    pub(super) unmeasured: &'static str,
    pub(super) list: &'static str,
    /// Headings of the list: from, for, what happened, Ferry meanwhile.
    pub(super) heads: [&'static str; 4],
    pub(super) bridged: &'static str,
    pub(super) method: &'static str,
    pub(super) limits: &'static str,
    pub(super) nothing: &'static str,
    pub(super) partial: &'static str,
}

const EN: Words = Words {
    tag: "en",
    title: "Today's way and Ferry's, side by side",
    direct: "Today (direct)",
    ferry: "Ferry",
    success: "Success",
    p50: "P50, half answer within",
    p99: "P99, all but 1 in 100 within",
    longest: "Longest outage",
    outages: "Outages",
    none: "none",
    plot: "Time until the answer begins (median; shaded: slowest), and failures",
    failed: "failed",
    unmeasured: "not measured",
    list: "Outages of today's way, longest first",
    heads: ["From", "For", "What happened", "Ferry meanwhile"],
    bridged: "answered",
    method: "In each round both ways sent one and the same request at the same moment: one that needs no key and \
             reaches no model, and so costs nothing; today's way opens a new connection and tries once, Ferry keeps \
             connections ready, races its nodes' addresses and goes to another node when one fails.",
    limits: "This measures whether the API can be reached and how soon it answers, not how long a model writes nor \
             whether a long stream is cut; an outage is a run of failed rounds and known to within one, the retries of \
             an SDK are left out on both sides, and time that was not measured (sleep, restart, a clock that was set) counts for neither.",
    nothing: "Nothing has been measured yet.",
    partial: "Ended before its time: the figures are of what was measured.",
};

const ZH: Words = Words {
    tag: "zh-CN",
    title: "现有方式与 Ferry 同时对比",
    direct: "现有方式（直连）",
    ferry: "Ferry",
    success: "成功率",
    p50: "P50，半数应答不超过",
    p99: "P99，百分之九十九不超过",
    longest: "最长中断",
    outages: "中断次数",
    none: "无",
    plot: "应答开始前的时间（线：中位数；底色：最慢），以及失败",
    failed: "失败",
    unmeasured: "未测量",
    list: "现有方式的中断，最长的在前",
    heads: ["开始", "持续", "原因", "同一时段的 Ferry"],
    bridged: "正常应答",
    method: "每一轮中，两种方式在同一时刻各发出一个相同的请求：不带密钥、不调用模型，因此不产生费用；现有方式新建连接、\
             只试一次，Ferry 预留连接，对节点的各个地址竞速，某个节点失败时换到另一个。",
    limits: "这里测的是能否连上 API、多快开始应答，不含模型生成所需的时间，也不含长流式回答是否中断，连续失败的轮次算一次中断，起止精确到一轮，两边都不计 SDK \
             自身的重试；未测量的时段（休眠、重启、时钟被调整）对两边都不计入。",
    nothing: "还没有测量结果。",
    partial: "提前结束：数字只代表已测量的部分。",
};

/// How the text of a fault begins, and its kind in Chinese; the first that fits.
const CAUSES: [(&str, &str); 17] = [
    ("resolve ", "域名解析失败"),
    ("connect to ", "连接失败"),
    ("reach a node", "期限内没有可用节点"),
    ("reach ", "经代理连接失败"),
    ("trust ", "证书不受信任"),
    ("shake hands", "TLS 握手失败"),
    ("open HTTP", "建立 HTTP 连接失败"),
    ("agree with ", "HTTP 版本协商失败"),
    ("write a request", "请求无法发出"),
    ("get an answer of the API", "应答不是来自 API"),
    ("find the API", "应答不是来自 API"),
    ("get an answer: the connection", "连接在应答前断开"),
    ("get an answer", "超时无应答"),
    ("read an answer to its end", "应答中途断开"),
    ("read an answer", "应答不是 HTTP"),
    ("find a node", "没有可用节点"),
    ("wait for a node", "等待节点的请求过多"),
];

/// A language at work on the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tongue(pub(super) Lang);

impl Tongue {
    pub(super) const fn words(self) -> &'static Words {
        match self.0 {
            Lang::En => &EN,
            Lang::Zh => &ZH,
        }
    }

    /// A span, in two units at most.
    pub(super) fn span(self, millis: i64) -> String {
        let seconds = (millis + 500) / 1000;
        let [h, min, s] = match self.0 {
            Lang::En => [" h", " min", " s"],
            Lang::Zh => [" 小时", " 分", " 秒"],
        };
        match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, 0, seconds) => format!("{seconds}{s}"),
            (0, minutes, 0) => format!("{minutes}{min}"),
            (0, minutes, seconds) => format!("{minutes}{min} {seconds}{s}"),
            (hours, 0, _) => format!("{hours}{h}"),
            (hours, minutes, _) => format!("{hours}{h} {minutes}{min}"),
        }
    }

    pub(super) fn measured(self, from: &str, to: &str, span: &str, rounds: usize) -> String {
        match self.0 {
            Lang::En => format!("{from} to {to}; measured {span}, {rounds} rounds"),
            Lang::Zh => format!("{from} 至 {to}；共测量 {span}，{rounds} 轮"),
        }
    }

    /// With the zone that it is told in.
    pub(super) fn moment(self, date: &str, zone: &str) -> String {
        match self.0 {
            Lang::En => format!("{date} ({zone})"),
            Lang::Zh => format!("{date}（{zone}）"),
        }
    }

    pub(super) fn against(self, url: &str, nodes: &[String]) -> String {
        match self.0 {
            Lang::En => format!("Direct: {url}. Ferry: {}.", nodes.join(", ")),
            Lang::Zh => format!("直连：{url}。Ferry：{}。", nodes.join("、")),
        }
    }

    /// A line of the list: from, for, what happened, Ferry meanwhile. A note that more follow has its first cell alone.
    pub(super) fn outage(self, [from, span, fault, meanwhile]: &[String; 4]) -> String {
        match self.0 {
            _ if span.is_empty() => from.clone(),
            Lang::En => format!("{from}  {span}: {fault}. Ferry: {meanwhile}"),
            Lang::Zh => format!("{from}  {span}：{fault}。Ferry：{meanwhile}"),
        }
    }

    /// What the letters of the plot mean.
    pub(super) fn key(self) -> String {
        let Words { failed, unmeasured, .. } = self.words();
        match self.0 {
            Lang::En => format!("x #: {failed}; [ ]: {unmeasured}"),
            Lang::Zh => format!("x #：{failed}；[ ]：{unmeasured}"),
        }
    }

    /// How many of today's outages Ferry bridged.
    pub(super) fn bridging(self, bridged: usize, all: usize, span: &str) -> String {
        match (self.0, all) {
            (Lang::En, 0) => "Today's way had no outage.".to_owned(),
            (Lang::Zh, 0) => "现有方式没有中断。".to_owned(),
            (Lang::En, _) => {
                let outages = if all == 1 { "outage" } else { "outages" };
                format!("Ferry bridged {bridged} of {all} {outages} of today's way ({span}).")
            }
            (Lang::Zh, _) => {
                format!("现有方式的 {all} 次中断中，Ferry 顶住了 {bridged} 次（{span}）。")
            }
        }
    }

    pub(super) fn moved(self, moved: usize) -> String {
        match self.0 {
            Lang::En => format!(
                "Rounds in which Ferry's first connection or node failed and the next answered: {moved}."
            ),
            Lang::Zh => format!("有 {moved} 轮，Ferry 的第一个连接或节点失败，由下一个完成应答。"),
        }
    }

    pub(super) fn home(self, home: usize) -> String {
        match self.0 {
            Lang::En => {
                format!("Rounds in which everything pointed at this machine's own network: {home}.")
            }
            Lang::Zh => format!("有 {home} 轮，种种迹象指向本机自己的网络。"),
        }
    }

    /// What Ferry did in an outage in which it failed as well.
    pub(super) fn others(self, failed: usize, rounds: usize) -> String {
        match self.0 {
            Lang::En => format!("failed in {failed} of {rounds} rounds"),
            Lang::Zh => format!("{rounds} 轮中失败 {failed} 轮"),
        }
    }

    pub(super) fn more(self, more: usize) -> String {
        match self.0 {
            Lang::En => format!("and {more} more"),
            Lang::Zh => format!("另有 {more} 次"),
        }
    }

    pub(super) fn gap(self, why: Why, count: usize, span: &str) -> String {
        match (self.0, why) {
            (Lang::En, Why::Stopped) => format!("{count}x not running, {span}"),
            (Lang::En, Why::Asleep) => format!("{count}x asleep or the clock set forward, {span}"),
            (Lang::En, Why::HeldUp) => format!("{count}x held up, {span}"),
            (Lang::Zh, Why::Stopped) => format!("未运行 {count} 次，共 {span}"),
            (Lang::Zh, Why::Asleep) => format!("休眠或时钟被调快 {count} 次，共 {span}"),
            (Lang::Zh, Why::HeldUp) => format!("进程被挂起 {count} 次，共 {span}"),
        }
    }

    pub(super) fn set_back(self, count: usize) -> String {
        match self.0 {
            Lang::En => format!("the clock was set back {count}x"),
            Lang::Zh => format!("时钟被调回 {count} 次"),
        }
    }

    /// Why a round failed: in Chinese by its kind, with the text of the fault behind it for who looks it up.
    pub(super) fn cause(self, fault: &str) -> String {
        match self.0 {
            Lang::En => format!("failed to {fault}"),
            Lang::Zh => {
                let known = CAUSES.iter().find(|(start, _)| fault.starts_with(start));
                format!("{}（{fault}）", known.map_or("请求失败", |(_, kind)| kind))
            }
        }
    }

    pub(super) fn millis(time: Option<f64>) -> String {
        time.map_or_else(
            || "-".to_owned(),
            |time| if time < 10.0 { format!("{time:.1} ms") } else { format!("{time:.0} ms") },
        )
    }
}

#[cfg(test)]
mod tests {
    use ferry_gateway::upstream::PathFault;

    use super::super::super::figures::foreign;
    use super::*;

    #[test]
    fn causes_are_told_in_the_language_of_the_page() {
        for (fault, kind) in [
            ("resolve relay.test: no such name", "域名解析失败"),
            ("connect to 203.0.113.7:443: refused", "连接失败"),
            ("reach relay.test through the proxy http://p:1: it wants a login", "经代理连接失败"),
            ("reach a node in time", "期限内没有可用节点"),
            ("shake hands (TLS) with relay.test: eof", "TLS 握手失败"),
            (&PathFault::Lost.to_string(), "连接在应答前断开"),
            (&PathFault::Silent.to_string(), "超时无应答"),
            (&PathFault::Page(502).to_string(), "应答不是来自 API"),
            (&PathFault::Cut.to_string(), "应答中途断开"),
            (&PathFault::NotHttp.to_string(), "应答不是 HTTP"),
            (&PathFault::WriteStalled.to_string(), "请求无法发出"),
            (&foreign(404, true).unwrap(), "应答不是来自 API"),
            ("do what nobody knows", "请求失败"),
        ] {
            assert_eq!(Tongue(Lang::Zh).cause(fault), format!("{kind}（{fault}）"));
            assert_eq!(Tongue(Lang::En).cause(fault), format!("failed to {fault}"));
        }
    }

    #[test]
    fn spans_have_two_units_at_most() {
        for (millis, en, zh) in [
            (0, "0 s", "0 秒"),
            (30_400, "30 s", "30 秒"),
            (90_000, "1 min 30 s", "1 分 30 秒"),
            (600_000, "10 min", "10 分"),
            (86_400_000, "24 h", "24 小时"),
            (5_430_000, "1 h 30 min", "1 小时 30 分"),
        ] {
            assert_eq!(
                (&*Tongue(Lang::En).span(millis), &*Tongue(Lang::Zh).span(millis)),
                (en, zh)
            );
        }
    }
}

//! Every sentence of the demo, in English and Chinese. A language is complete or does not compile. Names that people
//! type (commands, headers, fields) are the same in both.

mod trial;

use super::act::Act;
use super::outcome::{Diagnosis, Note, Wrong};
use super::traffic::Carried;

/// A language of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in super::super) enum Lang {
    /// English.
    En,
    /// Chinese.
    Zh,
}

/// The sentences without figures.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) safe: &'static str,
    pub(super) legend: &'static str,
    /// Headings: request, HTTP, node, first, total, tokens, what happened.
    pub(super) headings: [&'static str; 7],
    pub(super) running: &'static str,
    pub(super) addresses: &'static str,
    /// Labels: gateway, metrics, readiness, mock, configuration, log. At most nine cells.
    pub(super) labels: [&'static str; 6],
    pub(super) paste: &'static str,
    pub(super) paste_python: &'static str,
    pub(super) paste_node: &'static str,
    pub(super) paste_curl: &'static str,
    pub(super) hello: &'static str,
    pub(super) once: &'static str,
    pub(super) stay: &'static str,
    pub(super) interrupted: &'static str,
}

const EN: Words = Words {
    title: "Ferry demo: the same requests direct and through Ferry, over bad paths",
    safe: "No key, no network: everything runs on this machine and is removed at the end.",
    legend: "Times in ms; first: the first token of a stream; in/out: tokens.",
    headings: ["request", "HTTP", "node", "first", "total", "in/out", "what happened"],
    running: "running",
    addresses: "Addresses",
    labels: ["base_url", "metrics", "readiness", "mock", "config", "log"],
    paste: "To try it yourself, paste one of these; any key will do.",
    paste_python: "Python (after: pip install anthropic)",
    paste_node: "Node, as hello.mjs (after: npm install @anthropic-ai/sdk)",
    paste_curl: "cURL",
    hello: "Hello, Ferry",
    once: "These addresses close now; `ferry demo` without --once keeps them open.",
    stay: "Light traffic runs on over the bad paths. Ctrl-C ends the demo.",
    interrupted: "Interrupted.",
};

const ZH: Words = Words {
    title: "Ferry 演示：同样的请求，在糟糕的线路上直连与经过 Ferry",
    safe: "不需要密钥，不需要网络：一切都在本机运行，结束后自动清除。",
    legend: "时间单位为毫秒；首字：流式回答的第一个 token；入/出：token 数。",
    headings: ["请求", "HTTP", "节点", "首字", "总计", "入/出", "结果"],
    running: "进行中",
    addresses: "地址",
    labels: ["base_url", "指标", "就绪检查", "模拟服务", "配置", "日志"],
    paste: "想自己试试？粘贴下面任意一段，密钥随便填。",
    paste_python: "Python（先执行 pip install anthropic）",
    paste_node: "Node，存为 hello.mjs（先执行 npm install @anthropic-ai/sdk）",
    paste_curl: "cURL",
    hello: "你好，Ferry",
    once: "以上地址现在关闭；不带 --once 运行 `ferry demo` 可以一直保持。",
    stay: "后台有少量请求在有故障的线路上持续运行。按 Ctrl-C 结束演示。",
    interrupted: "已中断。",
};

impl Lang {
    /// The language of a locale as in `LC_ALL`, `LC_MESSAGES` or `LANG`, the first that is set (POSIX, chapter 8.2).
    pub(in super::super) fn of(env: &[(String, String)]) -> Self {
        let set = |name: &str| {
            let found = env.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
        };
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
        if locale.is_some_and(|locale| locale.starts_with("zh")) { Self::Zh } else { Self::En }
    }

    pub(super) const fn words(self) -> &'static Words {
        match self {
            Self::En => &EN,
            Self::Zh => &ZH,
        }
    }

    const fn pick(self, en: &'static str, zh: &'static str) -> &'static str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }

    /// The name of a row: at most 14 cells.
    pub(super) const fn act(self, act: Act) -> &'static str {
        match act {
            Act::Models => self.pick("models", "模型列表"),
            Act::CountTokens => self.pick("count_tokens", "计算 token"),
            Act::Json => self.pick("plain JSON", "普通 JSON"),
            Act::JsonBearer => self.pick("plain, Bearer", "普通，Bearer"),
            Act::Stream => self.pick("stream", "流式"),
            Act::Summary => self.pick("stream, zh", "流式，中文"),
            Act::Tool => self.pick("tool use", "工具调用"),
            Act::Thinking => self.pick("thinking", "思考"),
            Act::File => self.pick("file up + down", "文件上传下载"),
            Act::Batch => self.pick("batch of 3", "批处理 3 条"),
            Act::Complete => self.pick("/v1/complete", "/v1/complete"),
            Act::WrongKey => self.pick("wrong key", "密钥错误"),
            Act::Overloaded => self.pick("overloaded", "服务过载"),
        }
    }

    /// What happened: at most 24 cells where all is right.
    pub(super) fn note(self, note: &Note) -> String {
        match (self, note) {
            (Self::En, Note::Models(count)) => format!("{count} models"),
            (Self::Zh, Note::Models(count)) => format!("{count} 个模型"),
            (Self::En, Note::Counted) => "counted, not generated".to_owned(),
            (Self::Zh, Note::Counted) => "只计数，不生成".to_owned(),
            (Self::En, Note::Line(line)) => format!("line {line}"),
            (Self::Zh, Note::Line(line)) => format!("业务 {line}"),
            (Self::En, Note::Bearer) => "API version 2026-10-21".to_owned(),
            (Self::Zh, Note::Bearer) => "API 版本 2026-10-21".to_owned(),
            (Self::En, Note::Events(count)) => format!("{count} events, whole"),
            (Self::Zh, Note::Events(count)) => format!("{count} 个事件，完整"),
            (Self::En, Note::Tool(name)) => format!("{name}, JSON whole"),
            (Self::Zh, Note::Tool(name)) => format!("{name}，JSON 完整"),
            (Self::En, Note::Signed) => "signature there".to_owned(),
            (Self::Zh, Note::Signed) => "签名完好".to_owned(),
            (Self::En, Note::File(bytes)) => format!("{} KB, same bytes back", bytes / 1024),
            (Self::Zh, Note::File(bytes)) => format!("{} KB，字节一致", bytes / 1024),
            (Self::En, Note::Results(count)) => format!("{count} results, ids kept"),
            (Self::Zh, Note::Results(count)) => format!("{count} 条结果，编号不变"),
            (Self::En, Note::Complete) => "the old API works too".to_owned(),
            (Self::Zh, Note::Complete) => "旧接口同样可用".to_owned(),
            (Self::En, Note::Explained) => "error passed, explained".to_owned(),
            (Self::Zh, Note::Explained) => "错误原样返回并附说明".to_owned(),
            (_, Note::Wrong(wrong)) => self.wrong(wrong),
        }
    }

    fn wrong(self, wrong: &Wrong) -> String {
        match (self, wrong) {
            (Self::En, Wrong::Status(right)) => format!("should have been {right}"),
            (Self::Zh, Wrong::Status(right)) => format!("应为 {right}"),
            (Self::En, Wrong::Lacks(what)) => format!("{what} is missing"),
            (Self::Zh, Wrong::Lacks(what)) => format!("缺少 {what}"),
            (Self::En, Wrong::Broken(why)) => format!("failed to {why}"),
            (Self::Zh, Wrong::Broken(why)) => format!("请求失败：{why}"),
        }
    }

    /// Ferry's hint. Ferry says it in English on the wire; for a code that the demo provokes, its Chinese is here.
    pub(super) fn hint(self, told: &Diagnosis) -> String {
        let Diagnosis { code, hint } = told;
        let translated = match (self, code.as_str()) {
            (Self::Zh, "FD-K02") => {
                "密钥格式正确，但被上游拒绝：可能已吊销、过期，或属于别的服务；请到控制台重新复制"
            }
            (Self::Zh, "FD-U01") => "服务商整体过载：请退避后重试，换密钥没有用",
            _ => hint,
        };
        match self {
            Self::En => format!("{code}: {translated}"),
            Self::Zh => format!("{code}：{translated}"),
        }
    }

    /// The end of the table.
    pub(super) fn summary(self, right: usize, all: usize, seconds: f64) -> String {
        match self {
            Self::En if right == all => {
                format!("All {all} rows are as they should be, in {seconds:.1} s.")
            }
            Self::En => {
                format!(
                    "{} of {all} rows are not as they should be (!! above). `ferry demo` without --once keeps the log.",
                    all - right
                )
            }
            Self::Zh if right == all => format!("{all} 行全部符合预期，用时 {seconds:.1} 秒。"),
            Self::Zh => format!(
                "{all} 行中有 {} 行不符合预期（见上面的 !!）。不带 --once 运行 `ferry demo` 可查看日志。",
                all - right
            ),
        }
    }

    /// A port was taken.
    pub(super) fn moved(self, wanted: u16, got: u16) -> String {
        match self {
            Self::En => {
                format!("Note: port {wanted} is taken by another process; the demo uses {got}.")
            }
            Self::Zh => format!("注意：端口 {wanted} 已被其他进程占用，演示改用 {got}。"),
        }
    }

    /// The line that lives while light traffic runs.
    pub(super) fn pulse(self, seconds: u64, carried: Carried) -> String {
        let Carried { requests, wrong, output } = carried;
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        match self {
            Self::En => format!(
                "{minutes:02}:{seconds:02}  {requests} requests, {wrong} wrong, {output} tokens out"
            ),
            Self::Zh => format!(
                "{minutes:02}:{seconds:02}  请求 {requests}，异常 {wrong}，输出 token {output}"
            ),
        }
    }

    /// The last line.
    pub(super) fn stopped(self, carried: Carried) -> String {
        let Carried { requests, wrong, .. } = carried;
        match self {
            Self::En => format!(
                "Stopped: {requests} requests of light traffic carried, {wrong} wrong. Nothing is left behind."
            ),
            Self::Zh => {
                format!("已停止：后台共完成 {requests} 个请求，异常 {wrong} 个。没有留下任何文件。")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_first_locale_that_is_set_decides() {
        for (pairs, lang) in [
            (&[][..], Lang::En),
            (&[("LANG", "zh_CN.UTF-8")], Lang::Zh),
            (&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")], Lang::En),
            (&[("LANG", "zh_TW"), ("LC_ALL", "")], Lang::Zh),
            (&[("LC_MESSAGES", "zh_SG"), ("LANG", "en_US.UTF-8")], Lang::Zh),
        ] {
            assert_eq!(Lang::of(&env(pairs)), lang, "{pairs:?}");
        }
    }

    #[test]
    fn names_and_notes_fit_their_columns() {
        let notes = [
            Note::Models(9),
            Note::Counted,
            Note::Line("customer_service"),
            Note::Bearer,
            Note::Events(999),
            Note::Tool("get_weather".to_owned()),
            Note::Signed,
            Note::File(200 * 1024),
            Note::Results(3),
            Note::Complete,
            Note::Explained,
        ];
        for lang in [Lang::En, Lang::Zh] {
            for act in Act::ALL {
                assert!(lang.act(act).width() <= 14, "{}", lang.act(act));
            }
            for note in &notes {
                assert!(lang.note(note).width() <= 24, "{}", lang.note(note));
            }
        }
    }
}

//! What a comparison says while it runs, in English and Chinese. Reports of errors, with their next action, are English
//! as those of every command.

use std::io;
use std::path::Path;

use super::Lang;
use super::round::Side;
use super::words::Tongue;

impl Tongue {
    /// The first line: how long it will take, what was measured before, how often, and where it is kept.
    pub(super) fn begins(self, left_ms: i64, done_ms: i64, every_ms: i64, dir: &Path) -> String {
        let (left, done, every) = (self.span(left_ms), self.span(done_ms), self.span(every_ms));
        let dir = dir.display();
        match self.0 {
            Lang::En => {
                let after =
                    if done_ms > 0 { format!(", goes on after {done}") } else { String::new() };
                format!(
                    "{left} left{after}; one round every {every}; kept in {dir}. Ctrl-C ends it with what there is."
                )
            }
            Lang::Zh => {
                let after =
                    if done_ms > 0 { format!("，接续已测的 {done}") } else { String::new() };
                format!(
                    "还需测量 {left}{after}；每 {every}一轮；保存在 {dir}。按 Ctrl-C 可随时结束，已测的结果会保留。"
                )
            }
        }
    }

    /// Nothing is left to measure.
    pub(super) const fn is_over(self) -> &'static str {
        match self.0 {
            Lang::En => {
                "As much as was asked for has been measured before; this makes its page anew. To measure more, ask for a \
                 longer time or name another folder with -o."
            }
            Lang::Zh => {
                "所要求的时长此前已经测完，这里重新生成报告。要继续测量，请给出更长的时间，或用 -o 换一个文件夹。"
            }
        }
    }

    pub(super) const fn stopped(self) -> &'static str {
        match self.0 {
            Lang::En => {
                "Stopped before the end: the page is of what was measured, and the same command goes on from here."
            }
            Lang::Zh => "提前结束：报告只含已测量的部分；再次运行同一条命令，会从这里继续。",
        }
    }

    /// The folder takes nothing from the beginning.
    pub(super) fn in_memory(self, dir: &Path, error: &io::Error) -> String {
        let dir = dir.display();
        match self.0 {
            Lang::En => format!(
                "failed to write to {dir}: {error}. It goes on in memory; the page is printed at the end, and a restart \
                 begins anew."
            ),
            Lang::Zh => format!(
                "无法写入 {dir}：{error}。测量在内存中继续，报告在结束时打印；重新启动则从头开始。"
            ),
        }
    }

    /// The disk takes nothing for now.
    pub(super) fn unwritten(self, dir: &Path, error: &io::Error) -> String {
        let dir = dir.display();
        match self.0 {
            Lang::En => format!(
                "failed to write to {dir}: {error}. It goes on in memory and tries again with every round."
            ),
            Lang::Zh => {
                format!("无法写入 {dir}：{error}。测量在内存中继续，每一轮都会再次尝试写入。")
            }
        }
    }

    pub(super) const fn written_again(self) -> &'static str {
        match self.0 {
            Lang::En => "Writing works again; nothing was lost.",
            Lang::Zh => "写入已恢复，没有丢失任何结果。",
        }
    }

    /// A page could not be put on the disk.
    pub(super) fn no_page(self, path: &Path, error: &io::Error) -> String {
        let path = path.display();
        match self.0 {
            Lang::En => format!("failed to write {path}: {error}; the page stands above"),
            Lang::Zh => format!("无法写入 {path}：{error}；报告内容见上"),
        }
    }

    /// Lines of the journal that a power cut or an editor has left broken.
    pub(super) fn broken(self, lines: usize, dir: &Path) -> String {
        let dir = dir.display();
        match (self.0, lines) {
            (Lang::En, 1) => format!("1 line of {dir} could not be read and is left out"),
            (Lang::En, _) => format!("{lines} lines of {dir} could not be read and are left out"),
            (Lang::Zh, _) => format!("{dir} 中有 {lines} 行无法读取，已略过"),
        }
    }

    /// One way has begun to fail, or has ended failing; the first is today's.
    pub(super) fn change(self, at: &str, today: bool, fault: Option<&str>) -> String {
        let name = match (self.0, today) {
            (Lang::En, true) => "today's way",
            (Lang::Zh, true) => "现有方式",
            (_, false) => "Ferry",
        };
        match (self.0, fault) {
            (Lang::En, Some(fault)) => format!("{at} {name} {}", self.cause(fault)),
            (Lang::En, None) => format!("{at} {name} answers again"),
            (Lang::Zh, Some(fault)) => format!("{at} {name}：{}", self.cause(fault)),
            (Lang::Zh, None) => format!("{at} {name}：恢复应答"),
        }
    }

    /// The line that is drawn anew: the last round, and how many were answered.
    pub(super) fn last(
        self,
        at: &str,
        [direct, ferry]: [&Side; 2],
        good: [usize; 2],
        all: usize,
    ) -> String {
        let [direct, ferry] = [direct, ferry].map(|side| match (side.is_ok(), self.0) {
            (true, _) => format!("{:.0} ms", side.ms),
            (false, Lang::En) => "failed".to_owned(),
            (false, Lang::Zh) => "失败".to_owned(),
        });
        let [direct_good, ferry_good] = good;
        match self.0 {
            Lang::En => format!(
                "{at} today {direct}, Ferry {ferry}; {direct_good}/{all} and {ferry_good}/{all} answered"
            ),
            Lang::Zh => format!(
                "{at} 直连 {direct}，Ferry {ferry}；应答 {direct_good}/{all} 与 {ferry_good}/{all}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_speaks_the_language_that_was_asked_for() {
        let (dir, full) = (Path::new("day"), io::Error::other("E"));
        let failed = Side { fault: Some("connect to a: E".to_owned()), ..Side::default() };
        let well = Side { ms: 80.4, ..Side::default() };
        let said = |tongue: Tongue| {
            [
                tongue.begins(90_000, 0, 30_000, dir),
                tongue.begins(90_000, 30_000, 30_000, dir),
                tongue.is_over().to_owned(),
                tongue.stopped().to_owned(),
                tongue.in_memory(dir, &full),
                tongue.unwritten(dir, &full),
                tongue.written_again().to_owned(),
                tongue.no_page(dir, &full),
                tongue.broken(1, dir),
                tongue.broken(2, dir),
                tongue.change("12:00:00", true, failed.fault.as_deref()),
                tongue.change("12:00:00", false, None),
                tongue.last("12:00:00", [&failed, &well], [0, 1], 1),
            ]
        };
        let [english, chinese] = [Lang::En, Lang::Zh].map(|lang| said(Tongue(lang)));
        for line in &chinese {
            assert!(!line.contains(", ") && !line.contains("; ") && !line.contains(". "), "{line}");
        }
        insta::assert_snapshot!([english, chinese].concat().join("\n"));
    }
}

//! The page of a made-up day, in both languages, as text and as HTML.

use super::super::round::{Line, Round, Side, Start};
use super::*;

/// A day of rounds every five minutes: today's way is away twice, Ferry once with it, and the machine sleeps.
fn day() -> Vec<Line> {
    let mut lines = vec![Line::Start(Start {
        at_ms: 1_780_000_000_000,
        against: "https://api.anthropic.com/".to_owned(),
        every_ms: 300_000,
        for_ms: 86_400_000,
        nodes: vec!["tokyo-1".to_owned(), "direct".to_owned()],
        timezone: "Asia/Shanghai".to_owned(),
        version: "0.1.0".to_owned(),
    })];
    let (mut wall, mut up) = (1_780_000_000_000, 0);
    for index in 0..288_u32 {
        let wave = f64::from(index % 17) * 6.0;
        let fault = |away: bool| {
            away.then(|| "connect to 203.0.113.7:443: no <answer> within 5000 ms".to_owned())
        };
        let side = |ms: f64, away: bool| Side {
            ms,
            fault: fault(away),
            status: (!away).then_some(401),
            ..Side::default()
        };
        lines.push(Line::Round(Round {
            at_ms: wall,
            up_ms: up,
            direct: side(420.0 + wave, (60..66).contains(&index) || (150..152).contains(&index)),
            ferry: Side {
                attempts: Some(1 + u32::from(index == 61)),
                ..side(90.0 + wave / 3.0, index == 151)
            },
            ..Round::default()
        }));
        (wall, up) = (wall + 300_000, up + 300_000);
        if index == 200 {
            wall += 7_200_000;
        }
    }
    lines
}

fn page(lines: &[Line], lang: Lang, whole: bool) -> (String, String) {
    let timeline = Timeline::of(lines);
    let page = Page { timeline: &timeline, lang, whole };
    (page.text(usize::MAX), page.html())
}

#[test]
fn a_day_on_one_page_of_text() {
    let (english, _) = page(&day(), Lang::En, true);
    let (chinese, _) = page(&day(), Lang::Zh, false);
    assert!(english.lines().all(|line| line.width() <= 78), "{english}");
    assert!(chinese.lines().all(|line| line.width() <= 78), "{chinese}");
    insta::assert_snapshot!(format!("{english}\n----\n\n{chinese}"));
}

#[test]
fn a_narrow_terminal_parts_no_figure_from_its_name() {
    let lines = day();
    let timeline = Timeline::of(&lines);
    let mut pages = Vec::new();
    for lang in [Lang::En, Lang::Zh] {
        let page = Page { timeline: &timeline, lang, whole: true };
        for cells in [40, 60] {
            let text = page.text(cells);
            assert!(text.lines().all(|line| line.width() <= cells), "{text}");
        }
        pages.push(page.text(40));
    }
    insta::assert_snapshot!(pages.join("\n----\n\n"));
}

#[test]
fn one_outage_is_one() {
    let tongue = Tongue(Lang::En);
    assert_eq!(tongue.bridging(1, 1, "30 s"), "Ferry bridged 1 of 1 outage of today's way (30 s).");
    assert_eq!(
        tongue.bridging(1, 2, "30 s"),
        "Ferry bridged 1 of 2 outages of today's way (30 s)."
    );
}

#[test]
fn what_is_not_listed_is_counted() {
    let row = ["and 3 more", "", "", ""].map(str::to_owned);
    assert_eq!(Tongue(Lang::En).outage(&row), "and 3 more");
}

#[test]
fn the_html_is_whole_and_asks_for_nothing_from_elsewhere() {
    for lang in [Lang::En, Lang::Zh] {
        let (_, html) = page(&day(), lang, true);
        for foreign in ["<script", "<link", "src=", "href=", "@import", "url(", "<answer>"] {
            assert!(!html.contains(foreign), "{foreign}");
        }
        assert!(html.contains("no &lt;answer&gt; within"));
        well_formed(html.split_once("<body>").unwrap().1.split_once("</body>").unwrap().0);
    }
}

#[test]
fn nothing_measured_makes_a_page_that_says_so() {
    let (text, html) = page(&[], Lang::En, false);
    assert!(text.contains("Nothing has been measured yet."));
    assert!(html.contains("Nothing has been measured yet."));
}

#[test]
fn a_hundred_percent_is_never_rounded_to() {
    for (share, text) in [(1.0, "100%"), (0.99999, "99.99%"), (0.5, "50.00%"), (0.0, "0.00%")] {
        assert_eq!(percent(share), text);
    }
}

/// Every element that opens also closes, in turn.
fn well_formed(xml: &str) {
    let mut open = Vec::new();
    for tag in xml.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').unwrap();
        assert!(!text.contains('>'), "{text}");
        let name = tag.split(' ').next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if !tag.ends_with('/') => open.push(name),
            None => {}
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

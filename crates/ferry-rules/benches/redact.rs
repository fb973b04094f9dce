//! Times the detectors over 200 KB of one text after another: `cargo bench -p ferry-rules`.
//!
//! Usual texts first, then the worst that a client could send. Nothing here passes or fails; no hostile text should cost more
//! than five times the digit-dense JSON.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up should stop")]

use std::fmt;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use ferry_rules::redact::{Detectors, Kinds, Scratch};
use regex::bytes::Regex;

/// Bytes of every text.
const SIZE: usize = 200 * 1024;

fn main() {
    divan::main();
}

/// A text by its name.
#[derive(Clone)]
struct Sample {
    name: &'static str,
    text: String,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A sequence of numbers that is the same on every run (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn letters(&mut self, alphabet: &[u8], size: usize) -> String {
        let mut letter = || {
            let index = usize::try_from(self.roll() % alphabet.len() as u64).unwrap();
            char::from(alphabet[index])
        };
        (0..size).map(|_| letter()).collect()
    }
}

/// Pieces one after another until the text has its size.
fn grow(mut piece: impl FnMut(&mut Dice) -> String) -> String {
    let mut dice = Dice(7);
    let mut text = String::with_capacity(SIZE + 1024);
    while text.len() < SIZE {
        text.push_str(&piece(&mut dice));
    }
    text.truncate(text.floor_char_boundary(SIZE));
    text
}

fn repeat(piece: &'static str) -> String {
    grow(|_| piece.to_owned())
}

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn json_line(dice: &mut Dice) -> String {
    let digits = |dice: &mut Dice, size| dice.letters(b"0123456789", size);
    let hex = |dice: &mut Dice, size| dice.letters(b"0123456789abcdef", size);
    format!(
        "{{\"order_id\":\"{}\",\"uid\":{},\"ts\":17{},\"amount\":{}.{},\"trace\":\"{}-{}-{}-{}-{}\",\
         \"sku\":[{},{},{}],\"at\":\"2026-03-{} 10:{}:12.123\"}},\n",
        digits(dice, 18),
        digits(dice, 10),
        digits(dice, 11),
        digits(dice, 4),
        digits(dice, 2),
        hex(dice, 8),
        hex(dice, 4),
        hex(dice, 4),
        hex(dice, 4),
        hex(dice, 12),
        digits(dice, 6),
        digits(dice, 7),
        digits(dice, 8),
        digits(dice, 2),
        digits(dice, 2),
    )
}

fn usual() -> Vec<Sample> {
    let prose = "本次会议讨论了下半年的产品规划，重点是提升跨境访问的稳定性与平均时延。物流方面，台风导致部分线路延误，\
        预计两天内恢复正常，请客服统一口径。针对高峰期的限流策略，建议按业务线拆分令牌桶，并为客服通道预留百分之二十的配额。\n";
    let source = "def settle(orders, limit=20):\n    \"\"\"Pays what is due, oldest first.\"\"\"\n    due = \
        [order for order in orders if order.state == State.OPEN]\n    for index, order in enumerate(due):\n        \
        if index >= limit:\n            break\n        self.client.post(f\"/v1/orders/{order.id}\", json={\"amount\": \
        order.amount})\n    return due[:limit]\n\n";
    let mixed = "您好，身份证号11010519491231002X，手机 138-0013-8000，邮箱 li.si@example.cn，想查一下订单号 \
        7721608293215540 的物流。Login from 58.133.219.32, card 6222021234567890 declined, trace \
        47933122-4066-4989-8932-677172a31659. 车牌粤B12345 在三号门，请联系车主。版本 10.0.20695.3698\n\
        用户普遍认为新版页面的信息密度过高，希望能够自定义首页模块。The vendor has not confirmed the delivery date.\n";
    let chat = "Could you look at the report below and tell me in three lines what went wrong? The operator writes: \
        \"the second page stays white since the last update\". 请先说明原因，再给出处理建议。\n\
        let total: u32 = items.iter().map(|item| item.count).sum(); if total > 3 { warn(\"{total}\"); }\n";
    vec![
        Sample { name: "chinese prose", text: repeat(prose) },
        Sample { name: "chat with code", text: repeat(chat) },
        Sample { name: "digit-dense json", text: grow(json_line) },
        Sample { name: "python source", text: repeat(source) },
        Sample { name: "base64", text: grow(|dice| dice.letters(BASE64, 76) + "\n") },
        Sample { name: "mixed with hits", text: repeat(mixed) },
    ]
}

/// Texts that make as much work of each detector as a client can.
fn hostile() -> Vec<Sample> {
    let pieces = [
        ("digits", "7"),
        ("at signs", "@"),
        ("a@", "a@"),
        ("a.a@a.", "a.a@a.aa"),
        ("sk-", "sk-"),
        ("sk- words", "sk-aaaaaaaaaaaaa "),
        ("begin", "-----BEGIN"),
        ("begin key", "-----BEGIN PRIVATE KEY-----"),
        ("wide digits", "７"),
        ("wide phones", "１３８００１３８０００，"),
        ("zero width", "\u{200b}"),
        ("1 zero width", "1\u{200b}"),
        ("no-break spaces", "1234\u{a0}"),
        ("escapes", "\\u0031"),
        ("backslashes", "\\"),
        ("dots", "."),
        ("1.", "1."),
        ("1.1.1.1 ", "10.1.1.1 "),
        ("colons", ":"),
        ("a:", "a:"),
        ("a::", "a::"),
        ("provinces", "京A"),
        ("plates", "京A12345"),
        ("passport", "护照"),
        ("passports", "护照E12345678 "),
        ("parts", "E12345678 "),
        ("hkids", "A123456(3) "),
        ("1234 ", "1234 "),
        ("6222 ", "6222 "),
        ("110101 ", "110101 "),
        ("138-", "138-0013-"),
        ("110101-", "110101-19900307-"),
        ("7 and slash", "1/234567/8 "),
        ("ibans", "DE89370400440532013000 "),
        ("iban groups", "DE89 3704 0044 0532 0130 "),
        ("codes", "91110000MA01ABCD1X "),
        ("eight digits", "12345678 "),
        ("eleven digits", "13800138000 "),
        ("cards", "6222021234567890128 "),
        ("ids", "11010519491231002X,"),
        ("jwts", "eyJhbGciOiJIUzI1NiJ9.eyJhbGciOiJIUzI1NiJ9."),
        ("jwt heads", "-eyJaaaaaaaaaaaaa"),
        ("jwt dots", "..eyJaaaaaaaaaaaaa"),
        ("hyphens", "---- "),
        ("joints", "1-"),
        ("percents", "%31"),
        ("order cards", "order no 4111111111111111 "),
        ("words", "aaaaaaaaaaaaaaaa "),
        ("addresses", "2001:db8::1 "),
        ("colours", "\u{1b}[38;5;196m13800138000\u{1b}[0m"),
        ("parameters", "1;2;3m138001"),
        ("glued", "a@b.cc-"),
        ("long hyphens", "----------------a"),
    ];
    let mut samples: Vec<_> =
        pieces.into_iter().map(|(name, piece)| Sample { name, text: repeat(piece) }).collect();
    samples.push(Sample { name: "hex", text: grow(|dice| dice.letters(b"0123456789abcdef", 64)) });
    samples.push(Sample { name: "one word", text: grow(|dice| dice.letters(BASE64, 64)) });
    samples
}

fn scan(bencher: Bencher<'_, '_>, sample: &Sample) {
    let detectors = Detectors::new(Kinds::ALL, &[]).unwrap();
    let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
    bencher.counter(BytesCount::of_str(&sample.text)).bench_local(|| {
        detectors.scan(black_box(&sample.text), &mut scratch, &mut hits);
        hits.len()
    });
}

#[divan::bench(args = usual())]
fn usual_texts(bencher: Bencher<'_, '_>, sample: &Sample) {
    scan(bencher, sample);
}

/// The rule that people write first, over the same texts: a yardstick of the machine.
#[divan::bench(args = usual())]
fn one_expression(bencher: Bencher<'_, '_>, sample: &Sample) {
    let rule = Regex::new(r"(?-u:\d{18}|\d{16})").unwrap();
    bencher
        .counter(BytesCount::of_str(&sample.text))
        .bench_local(|| rule.find_iter(black_box(sample.text.as_bytes())).count());
}

#[divan::bench(args = hostile())]
fn hostile_texts(bencher: Bencher<'_, '_>, sample: &Sample) {
    scan(bencher, sample);
}

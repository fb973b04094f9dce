//! What a text calls a value: the label before it, the unit behind it, and words some way before.
//!
//! Labels settle what no check digit can. Only the few bytes before a candidate are read.

use super::reading::{Text, is_word};

/// How far before a value its label is looked for, in bytes.
const LABEL_BYTES: usize = 24;

/// Labels of identity numbers, as they end.
const ID: [&str; 13] = [
    "身份证号", "身份证号码", "身份证", "身份证（旧）", "身份证(旧)", "证件号", "证件号码", "身份证件号",
    "idno", "idcard", "idnumber", "residentid", "identitycard",
];

/// Labels of numbers of orders and the like, as they end.
const ORDER: [&str; 22] = [
    "订单号", "订单", "订单编号", "单号", "流水号", "流水", "交易号", "运单号", "批次号", "批次", "工单号", "序列号",
    "orderno", "orderid", "ordernumber", "order", "invoice", "invoiceno", "trackingno", "trackingnumber", "traceid",
    "serialnumber",
];

/// Labels of cards, as they end.
const CARD: [&str; 6] = ["卡号", "信用卡", "银行卡", "cardno", "cardnumber", "card"];

/// Words before an amount of bytes, as they end.
const SIZE: [&str; 5] = ["大小", "字节数", "size", "bytes", "length"];

/// Units behind an amount.
const UNITS: [&str; 10] = ["字节", "bytes", "byte", "元", "KB", "MB", "kb", "次", "毫秒", "ms"];

/// Whether the value at `start` is called an identity number.
pub(super) fn is_labelled_id(text: Text<'_>, start: usize) -> bool {
    is_labelled(text, start, &ID)
}

/// Whether the value at `start` is called the number of an order.
pub(super) fn is_labelled_order(text: Text<'_>, start: usize) -> bool {
    is_labelled(text, start, &ORDER)
}

/// Whether the value at `start` is called a card.
pub(super) fn is_labelled_card(text: Text<'_>, start: usize) -> bool {
    is_labelled(text, start, &CARD)
}

/// Whether a number is an amount by its label or its unit.
pub(super) fn is_amount(text: Text<'_>, start: usize, end: usize) -> bool {
    let end = if text.at(end) == b' ' { end + 1 } else { end };
    UNITS.iter().any(|unit| text.has(end, unit.as_bytes())) || is_labelled(text, start, &SIZE)
}

/// Whether one of `labels` stands right before `start`, with nothing but quotes, colons, spaces and the like between. Letters
/// of ASCII are compared in small, and without spaces and `_` between them.
fn is_labelled(text: Text<'_>, start: usize, labels: &[&str]) -> bool {
    let mut end = start;
    while end > 0 && start - end < LABEL_BYTES {
        end -= match text.before(end, 1) {
            b' ' | b'"' | b'\'' | b':' | b'=' | b'\\' | b'#' | b'`' | b'\t' | b'(' | b'[' => 1,
            _ if text.ends(end, "：".as_bytes()) || text.ends(end, "为".as_bytes()) => 3,
            _ if text.ends(end, "是".as_bytes()) || text.ends(end, "“".as_bytes()) => 3,
            _ => break,
        };
    }
    let last = text.before(end, 1);
    if last < 0x80 && !last.is_ascii_alphabetic() && last != b')' {
        return false;
    }
    let mut folded = [0; LABEL_BYTES];
    let mut room = folded.len();
    for byte in text.slice(end.saturating_sub(LABEL_BYTES), end).iter().rev() {
        if room > 0 && !matches!(byte, b' ' | b'_' | b'-' | b'.') {
            room -= 1;
            if let Some(slot) = folded.get_mut(room) {
                *slot = byte.to_ascii_lowercase();
            }
        }
    }
    let folded = folded.get(room..).unwrap_or_default();
    labels.iter().any(|label| folded.ends_with(label.as_bytes()))
}

/// Subjects of which a text may speak before a value that has no check digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Passport,
    Permit,
    /// The permit for residents of Taiwan.
    Taiwan,
    Macau,
    HongKong,
    Plate,
}

/// How far before a value its subject is looked for, in bytes.
const SUBJECT_BYTES: usize = 64;

/// Words of each subject; letters of ASCII in small.
const fn words(subject: Subject) -> &'static [&'static str] {
    match subject {
        Subject::Passport => &["护照", "護照", "passport", "passeport"],
        Subject::Permit => &[
            "通行证", "通行證", "回乡证", "回鄉證", "台胞证", "臺胞證", "台胞證", "permit", "hrp", "来往内地", "来往大陆",
            "mtp", "往来港澳",
        ],
        Subject::Taiwan => &["台胞证", "臺胞證", "台胞證", "台湾居民来往大陆", "臺灣居民來往大陸", "mtp"],
        Subject::Macau => &["澳门", "澳門", "macau", "macao", "mo id", "mo_id", "moid"],
        Subject::HongKong => &["香港", "hkid", "hong kong", "hk id", "hk_id", "hk-id", "身份证", "身份證"],
        Subject::Plate => &["车牌", "车辆", "牌照", "車牌", "號牌", "号牌", "plate", "vehicle", "license"],
    }
}

/// Whether one of the subject's words stands before `start`, with no other number between, or right behind `end` in brackets.
pub(super) fn speaks_of(text: Text<'_>, start: usize, end: usize, subject: Subject) -> bool {
    let words = words(subject);
    let from = start.saturating_sub(SUBJECT_BYTES);
    let before = text.slice(from, start);
    let cut = last_number_end(before);
    let near = before.get(cut..).unwrap_or_default();
    words.iter().any(|word| contains(near, word.as_bytes()))
        || words.iter().any(|word| contains(text.slice(end, end + 20), word.as_bytes()))
}

/// Where the last run of five digits or more ends: what stands before it speaks of another value.
fn last_number_end(before: &[u8]) -> usize {
    let mut run = 0;
    for (index, byte) in before.iter().enumerate().rev() {
        run = if byte.is_ascii_digit() { run + 1 } else { 0 };
        if run == 5 {
            return index + 5;
        }
    }
    0
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

/// Whether the word right before `start` says that a dotted number is a version.
pub(super) fn is_labelled_version(text: Text<'_>, start: usize) -> bool {
    const VERSION: [&str; 12] = [
        "版本", "版本号", "固件", "version", "firmware", "release", "build", "ver", "升级到", "升级至", "upgradeto", "section",
    ];
    !is_word(text.before(start, 1)) && is_labelled(text, start, &VERSION)
}

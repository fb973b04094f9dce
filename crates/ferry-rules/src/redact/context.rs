//! What a text calls a value: the label before it and the unit behind it.
//!
//! Labels settle what no check digit can. Only the few bytes before a candidate are read.

use super::reading::{Text, is_word};

/// How far before a value its label is looked for, in bytes.
pub(super) const LABEL_BYTES: usize = 24;

/// Labels of identity numbers, as they end.
static ID: Labels = Labels::new(&[
    "身份证号",
    "身份证号码",
    "身份证",
    "身份证（旧）",
    "身份证(旧)",
    "证件号",
    "证件号码",
    "身份号码",
    "身份證號",
    "身份證號碼",
    "身份證",
    "證件號",
    "證件號碼",
    "idno",
    "idcard",
    "idcardno",
    "idcardnumber",
    "idnumber",
    "residentid",
    "identitycard",
    "identitycardno",
    "identityno",
    "identitynumber",
    "certno",
    "sfzh",
]);

/// Labels of numbers of orders and the like, as they end.
static ORDER: Labels = Labels::new(&[
    "单号",
    "订单",
    "单编号",
    "运单",
    "流水号",
    "流水",
    "交易号",
    "批次号",
    "批次",
    "序列号",
    "單號",
    "單號碼",
    "訂單",
    "單編號",
    "運單",
    "流水號",
    "交易號",
    "orderno",
    "orderid",
    "ordernumber",
    "order",
    "invoice",
    "invoiceno",
    "trackingno",
    "trackingnumber",
    "waybill",
    "waybillno",
    "tradeno",
    "traceid",
    "serialnumber",
]);

/// Labels of goods, as they end: their numbers look like those of passports.
pub(super) static GOODS: Labels = Labels::new(&[
    "零件号",
    "物料号",
    "料号",
    "型号",
    "货号",
    "批号",
    "商品编号",
    "产品编号",
    "sku",
    "partno",
    "partnumber",
    "part",
    "model",
    "mpn",
]);

/// Labels of cards, as they end.
static CARD: Labels = Labels::new(&["卡号", "信用卡", "银行卡", "cardno", "cardnumber", "card"]);

/// Words before an amount of bytes, as they end.
static SIZE: Labels =
    Labels::new(&["大小", "字节数", "占用", "偏移量", "size", "bytes", "length", "offset"]);

/// Units behind an amount.
const UNITS: [&str; 11] =
    ["字节", "毫秒", "微秒", "纳秒", "bytes", "byte", "KB", "MB", "kb", "ms", "ns"];

/// Labels of an amount of money, as they end.
static MONEY: Labels = Labels::new(&[
    "价格", "金额", "总额", "总价", "费用", "余额", "价款", "货款", "amount", "price", "total",
    "balance",
]);

/// Units of money, as they stand behind an amount.
const CURRENCIES: [&str; 11] =
    ["元", "美元", "港元", "欧元", "日元", "人民币", "USD", "CNY", "RMB", "EUR", "yuan"];

/// Whether the value at `start` is called an identity number.
pub(super) fn is_labelled_id(text: Text<'_>, start: usize) -> bool {
    ID.stand_before(text, start)
}

/// Whether the value at `start` is called the number of an order.
pub(super) fn is_labelled_order(text: Text<'_>, start: usize) -> bool {
    ORDER.stand_before(text, start)
}

/// Whether the value at `start` is called a card.
pub(super) fn is_labelled_card(text: Text<'_>, start: usize) -> bool {
    CARD.stand_before(text, start)
}

/// Whether a number is an amount by its label or its unit.
pub(super) fn is_amount(text: Text<'_>, start: usize, end: usize) -> bool {
    let end = if text.at(end) == b' ' { end + 1 } else { end };
    let has_unit = matches!(text.at(end), b'b' | b'k' | b'm' | b'n' | b'K' | b'M' | 0xe5..=0xe7);
    has_unit
        && UNITS
            .iter()
            .any(|unit| text.has(end, unit.as_bytes()) && !is_word(text.at(end + unit.len())))
        || SIZE.stand_before(text, start)
        || is_money(text, start, end)
}

/// `价格 13815926142 元`: label and unit. One of them alone may be of another sentence.
fn is_money(text: Text<'_>, start: usize, end: usize) -> bool {
    let has_unit = CURRENCIES
        .iter()
        .any(|unit| text.has(end, unit.as_bytes()) && !is_word(text.at(end + unit.len())));
    has_unit && MONEY.stand_before(text, start)
}

/// Labels as they end, in small letters.
pub(super) struct Labels {
    list: &'static [&'static str],
    /// The last bytes of all, a bit each: what ends with another byte is none of them.
    lasts: [u64; 4],
}

impl Labels {
    pub(super) const fn new(list: &'static [&'static str]) -> Self {
        let (mut lasts, mut index) = ([0; 4], 0);
        while index < list.len() {
            if let Some(last) = list[index].as_bytes().last() {
                lasts[(*last >> 6) as usize] |= 1 << (*last & 63);
            }
            index += 1;
        }
        Self { list, lasts }
    }

    fn may_end(&self, last: u8) -> bool {
        self.lasts.get(usize::from(last >> 6)).is_some_and(|bits| (bits >> (last & 63)) & 1 != 0)
    }

    /// Whether one of the labels stands right before `start`, with nothing but quotes, colons, spaces and the like between.
    /// Letters of ASCII are compared in small, and without spaces and `_` between them.
    pub(super) fn stand_before(&self, text: Text<'_>, start: usize) -> bool {
        self.before(text, start).is_some()
    }

    /// The same for labels that are no end of a longer word: `ver`, and not `server`; `appVer` is two words.
    fn stand_alone_before(&self, text: Text<'_>, start: usize) -> bool {
        let Some((label, end)) = self.before(text, start) else { return false };
        let mut left = label.len();
        let head = text.slice(0, end);
        let first = head.iter().rposition(|byte| {
            left -= usize::from(!is_passed_over(*byte));
            left == 0
        });
        let first = first.unwrap_or_default();
        !text.before(first, 1).is_ascii_alphabetic()
            || (text.at(first).is_ascii_uppercase() && text.before(first, 1).is_ascii_lowercase())
    }

    /// The label right before `start`, and where it ends.
    fn before(&self, text: Text<'_>, start: usize) -> Option<(&'static str, usize)> {
        let mut end = start;
        while end > 0 && start - end < LABEL_BYTES {
            end -= match text.before(end, 1) {
                b' ' | b'"' | b'\'' | b':' | b'=' | b'\\' | b'#' | b'`' | b'\t' | b'(' | b'['
                | b'.' => 1,
                0x9a if text.ends(end, "：".as_bytes()) => 3,
                0xba if text.ends(end, "为".as_bytes()) => 3,
                0xaf if text.ends(end, "是".as_bytes()) => 3,
                0x9c if text.ends(end, "“".as_bytes()) => 3,
                _ => break,
            };
        }
        // No label ends with a letter that is passed over.
        if !self.may_end(text.before(end, 1).to_ascii_lowercase()) {
            return None;
        }
        let mut folded = [0; LABEL_BYTES];
        let mut room = folded.len();
        for byte in text.slice(end.saturating_sub(LABEL_BYTES), end).iter().rev() {
            if room > 0 && !is_passed_over(*byte) {
                room -= 1;
                if let Some(slot) = folded.get_mut(room) {
                    *slot = byte.to_ascii_lowercase();
                }
            }
        }
        let folded = folded.get(room..).unwrap_or_default();
        let label = self.list.iter().find(|label| folded.ends_with(label.as_bytes()))?;
        Some((label, end))
    }
}

/// What may stand between the letters of a label.
const fn is_passed_over(byte: u8) -> bool {
    matches!(byte, b' ' | b'_' | b'-' | b'.')
}

/// Whether the word right before `start` says that a dotted number is a version.
pub(super) fn is_labelled_version(text: Text<'_>, start: usize) -> bool {
    static VERSION: Labels = Labels::new(&[
        "版本",
        "版本号",
        "固件",
        "version",
        "firmware",
        "release",
        "build",
        "ver",
        "升级到",
        "升级至",
        "upgradeto",
        "section",
    ]);
    !is_word(text.before(start, 1)) && VERSION.stand_alone_before(text, start)
}

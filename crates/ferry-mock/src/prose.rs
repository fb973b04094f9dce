//! The words of the mock's answers: English or Chinese, cut into token-sized pieces.
//! It never writes a character that JSON must escape, so that texts go into events unchecked.

use crate::dice::Dice;

/// A text and where each of its tokens ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prose {
    /// The text.
    pub(crate) text: String,
    /// Byte offset behind each token, ascending; the last one is the length of the text.
    pub(crate) ends: Vec<usize>,
}

/// The language of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tongue {
    /// English.
    English,
    /// Chinese.
    Chinese,
}

const ENGLISH: [&str; 14] = [
    "Thank you for your message, I have read it with care.",
    "The order was confirmed this morning and leaves our warehouse today.",
    "In short, the text makes three points and supports each with figures.",
    "The function looks correct, but the error path deserves a test.",
    "Please check the address once more before you continue.",
    "A smaller batch would finish sooner and cost less.",
    "The second paragraph repeats what the first one says.",
    "Consider a clearer name for this variable, since it holds a duration.",
    "You can return the item within thirty days at no cost.",
    "The main risk is a slow network between the two offices.",
    "I would suggest to keep the old interface for one more release.",
    "All figures refer to the last quarter unless noted otherwise.",
    "The loop reads past the end when the list is empty.",
    "If anything is unclear, just ask and I will explain it.",
];

const CHINESE: [&str; 12] = [
    "您好，您的问题我已经仔细看过了。",
    "订单今天上午已经确认，下午会从仓库发出。",
    "这篇文章主要讲了三点，每一点都有数据支持。",
    "这个函数看起来没有问题，但是错误分支还需要一个测试。",
    "请在继续之前再核对一次收货地址。",
    "如果把批次改小一些，完成得会更快，费用也更低。",
    "第二段和第一段的内容有些重复。",
    "建议给这个变量换一个更清楚的名字。",
    "商品在三十天之内可以免费退换。",
    "主要的风险是两地之间的网络比较慢。",
    "除非另有说明，所有数字都来自上一个季度。",
    "如果还有不清楚的地方，请随时告诉我。",
];

impl Prose {
    /// Writes exactly `tokens` tokens (at least one) in the given language.
    pub(crate) fn write(dice: &mut Dice, tongue: Tongue, tokens: usize) -> Self {
        let tokens = tokens.max(1);
        let mut prose =
            Self { text: String::with_capacity(tokens * 6), ends: Vec::with_capacity(tokens) };
        while prose.ends.len() < tokens {
            match tongue {
                Tongue::English => prose.english(ENGLISH[dice.below(ENGLISH.len())], tokens),
                Tongue::Chinese => prose.chinese(CHINESE[dice.below(CHINESE.len())], tokens),
            }
        }
        prose
    }

    /// Takes a ready text; every four bytes, to the next character border, count as a token.
    pub(crate) fn of(text: String) -> Self {
        let mut ends = Vec::with_capacity(text.len() / 4 + 1);
        let mut last = 0;
        for (at, letter) in text.char_indices() {
            let end = at + letter.len_utf8();
            if end - last >= 4 {
                ends.push(end);
                last = end;
            }
        }
        if last < text.len() {
            ends.push(text.len());
        }
        Self { text, ends }
    }

    /// Keeps the first `tokens` tokens.
    pub(crate) fn truncate_tokens(&mut self, tokens: usize) {
        self.ends.truncate(tokens);
        self.text.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// Keeps the text before byte `at` and the tokens that end within it; a token cut by `at` keeps its first part.
    pub(crate) fn truncate_bytes(&mut self, at: usize) {
        if at >= self.text.len() || !self.text.is_char_boundary(at) {
            return;
        }
        self.text.truncate(at);
        self.ends.retain(|end| *end <= at);
        if at > 0 && self.ends.last() != Some(&at) {
            self.ends.push(at);
        }
    }

    fn english(&mut self, sentence: &str, tokens: usize) {
        for word in sentence.split(' ') {
            if self.ends.len() == tokens {
                return;
            }
            if !self.text.is_empty() {
                self.text.push(' ');
            }
            self.text.push_str(word);
            self.ends.push(self.text.len());
        }
    }

    fn chinese(&mut self, sentence: &str, tokens: usize) {
        let mut letters = sentence.chars();
        while let Some(first) = letters.next() {
            if self.ends.len() == tokens {
                return;
            }
            self.text.push(first);
            // Two characters a token is close to what current tokenizers make of Chinese.
            if let Some(second) = letters.next() {
                self.text.push(second);
            }
            self.ends.push(self.text.len());
        }
    }
}

/// Tells the language of a prompt from its raw JSON: Chinese characters, plain or as `\u4e00`-`\u9fff`, say Chinese.
/// Only the last 8 KB are looked at: the question stands at the end.
pub(crate) fn tongue_of(raw: &[u8]) -> Tongue {
    let tail = raw.get(raw.len().saturating_sub(8 * 1024)..).unwrap_or(raw);
    // U+4E00-U+9FFF begins with E4-E9 in UTF-8; those lead bytes stand for nothing else.
    let plain = tail.iter().any(|byte| (0xe4..=0xe9).contains(byte));
    let escaped = memchr::memmem::find_iter(tail, br"\u").any(|at| {
        matches!(tail.get(at + 2), Some(b'4' | b'5' | b'6' | b'7' | b'8' | b'9'))
            && tail.get(at + 2..at + 4) != Some(b"40")
    });
    if plain || escaped { Tongue::Chinese } else { Tongue::English }
}

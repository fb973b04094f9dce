//! Folds and clips text by the cells it takes on a screen. Breaks at spaces and between Chinese characters, never lets a
//! closing mark begin a line or an opening one end it, and parts nothing at a no-break space, which comes out as a space.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Marks that stay with what stands before them (GB/T 15834).
const CLOSING: &str = "，。；：、！？）》”";
/// Marks that stay with what stands behind them.
const OPENING: [char; 3] = ['（', '《', '“'];
/// Keeps a label with its value.
const NO_BREAK: char = '\u{a0}';

/// Lines of at most `cells` cells; a word that is longer than a line is cut.
pub(in super::super) fn wrap(text: &str, cells: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in pieces(text) {
        if line.width() + piece.trim_end().width() > cells && !line.is_empty() {
            lines.push(line.trim_end().to_owned());
            line.clear();
        }
        for character in piece.chars() {
            if line.width() + character.width().unwrap_or(0) > cells
                && !line.trim_end().is_empty()
                && character != ' '
            {
                lines.push(line.trim_end().to_owned());
                line.clear();
            }
            line.push(character);
        }
    }
    if !line.trim_end().is_empty() || lines.is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines.into_iter().map(|line| line.replace(NO_BREAK, " ")).collect()
}

/// At most so many cells; an ellipsis stands for the rest.
pub(in super::super) fn clip(text: &str, cells: Option<usize>) -> String {
    let Some(cells) = cells.filter(|cells| text.width() > *cells) else { return text.to_owned() };
    let mut kept = String::new();
    for character in text.chars() {
        if kept.width() + character.width().unwrap_or(0) + 1 > cells {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    kept
}

/// Words with the space behind them; each wide character is a word with the marks behind it.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut open = false;
    for character in text.chars() {
        let wide = character.width().unwrap_or(0) > 1;
        let stays = CLOSING.contains(character) || character == ' ';
        match pieces.last_mut() {
            Some(last) if stays || (open && !wide) || last.ends_with(OPENING) => {
                last.push(character);
            }
            _ => pieces.push(character.to_string()),
        }
        open = !wide && !stays;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_between_wide_characters() {
        for (text, cells, lines) in [
            ("one two three", 7, &["one two", "three"][..]),
            ("one two three", 100, &["one two three"]),
            ("abcdefgh", 3, &["abc", "def", "gh"]),
            ("密钥被拒绝，请重新复制", 12, &["密钥被拒绝，", "请重新复制"]),
            ("密钥被拒绝，请", 10, &["密钥被拒", "绝，请"]),
            ("重试吧（密钥", 8, &["重试吧", "（密钥"]),
            ("换 token 重试", 8, &["换 token", "重试"]),
            ("avg\u{a0}40.2, p50\u{a0}41.0, tls\u{a0}9", 17, &["avg 40.2,", "p50 41.0, tls 9"]),
            ("", 10, &[""]),
        ] {
            assert_eq!(wrap(text, cells), lines, "{text}");
        }
    }

    #[test]
    fn a_clipped_text_takes_no_more_than_its_cells() {
        assert_eq!(clip("mock-1", Some(8)), "mock-1");
        assert_eq!(clip("a-long-node-name", Some(8)), "a-long-…");
        assert_eq!(clip("模拟服务节点", Some(8)), "模拟服…");
    }
}

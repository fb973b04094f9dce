//! The difference of two texts, line by line, as `diff -u` shows it. Pure.

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// Lines that begin with a space, `-` or `+`; empty when both texts are the same.
pub(super) fn unified(before: &str, after: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let edits = edits(&old, &new);
    let changed: Vec<usize> =
        edits.iter().enumerate().filter(|(_, edit)| edit.0 != ' ').map(|(at, _)| at).collect();
    let near = |at: usize| changed.iter().any(|change| at.abs_diff(*change) <= CONTEXT);
    let mut lines = Vec::new();
    let (mut old_line, mut new_line, mut inside) = (1, 1, false);
    for (at, (mark, text)) in edits.iter().enumerate() {
        if near(at) {
            if !inside {
                lines.push(format!("@@ -{old_line} +{new_line} @@"));
            }
            lines.push(format!("{mark}{text}"));
        }
        inside = near(at);
        old_line += usize::from(*mark != '+');
        new_line += usize::from(*mark != '-');
    }
    lines
}

/// Every line of both texts with its mark, by the longest common subsequence.
fn edits<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    let same = |(a, b): &(&&str, &&str)| a == b;
    let head = old.iter().zip(new).take_while(same).count();
    let (old_rest, new_rest) = (old.get(head..).unwrap_or(&[]), new.get(head..).unwrap_or(&[]));
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(same).count();
    let middle = |rest: &'_ [&'a str]| rest.get(..rest.len() - tail).unwrap_or(&[]).to_vec();
    let (a, b) = (middle(old_rest), middle(new_rest));
    let mut edits: Vec<(char, &str)> = old.iter().take(head).map(|line| (' ', *line)).collect();
    edits.extend(changed(&a, &b));
    edits.extend(old_rest.iter().skip(a.len()).map(|line| (' ', *line)));
    edits
}

/// The part between what both begin and end with.
fn changed<'a>(a: &[&'a str], b: &[&'a str]) -> Vec<(char, &'a str)> {
    // The length of the longest common subsequence of what is left from (i, j) on.
    let mut longest = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    let at = |table: &Vec<Vec<usize>>, i: usize, j: usize| {
        table.get(i).and_then(|row| row.get(j)).copied().unwrap_or_default()
    };
    for (i, old) in a.iter().enumerate().rev() {
        for (j, new) in b.iter().enumerate().rev() {
            let length = if old == new {
                at(&longest, i + 1, j + 1) + 1
            } else {
                at(&longest, i + 1, j).max(at(&longest, i, j + 1))
            };
            if let Some(cell) = longest.get_mut(i).and_then(|row| row.get_mut(j)) {
                *cell = length;
            }
        }
    }
    let (mut i, mut j, mut edits) = (0, 0, Vec::new());
    loop {
        match (a.get(i), b.get(j)) {
            (Some(old), Some(new)) if old == new => {
                edits.push((' ', *old));
                (i, j) = (i + 1, j + 1);
            }
            (Some(old), new)
                if new.is_none() || at(&longest, i + 1, j) >= at(&longest, i, j + 1) =>
            {
                edits.push(('-', *old));
                i += 1;
            }
            (_, Some(new)) => {
                edits.push(('+', *new));
                j += 1;
            }
            (_, None) => return edits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_what_goes_and_what_comes() {
        for (before, after, lines) in [
            ("a\nb\n", "a\nb\n", &[][..]),
            ("a\nb\nc\n", "a\nx\nc\n", &["@@ -1 +1 @@", " a", "-b", "+x", " c"]),
            ("a\n", "a\nb\n", &["@@ -1 +1 @@", " a", "+b"]),
            ("", "a\n", &["@@ -1 +1 @@", "+a"]),
            ("a\nb\n", "b\na\n", &["@@ -1 +1 @@", "-a", " b", "+a"]),
        ] {
            assert_eq!(unified(before, after), lines, "{before:?} {after:?}");
        }
    }

    #[test]
    fn lines_far_from_a_change_are_left_out() {
        let before: Vec<String> = (1..=30).map(|line| line.to_string()).collect();
        let mut after = before.clone();
        after[0] = "first".to_owned();
        after[29] = "last".to_owned();
        let lines = unified(&before.join("\n"), &after.join("\n"));
        assert_eq!(
            lines,
            [
                "@@ -1 +1 @@",
                "-1",
                "+first",
                " 2",
                " 3",
                " 4",
                "@@ -27 +27 @@",
                " 27",
                " 28",
                " 29",
                "-30",
                "+last"
            ]
        );
    }
}

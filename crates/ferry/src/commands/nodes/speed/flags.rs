//! Short flags of more than one letter, as users of speed tests type them (`-tl 200`), in the form that our parser reads.
//! Pure; looks at the arguments of `ferry nodes test` only.

use std::ffi::OsString;

/// What is typed with one dash, and read with two.
const FAMILIAR: [&str; 12] =
    ["tl", "tll", "tlr", "ip", "url", "dn", "dt", "dd", "sl", "tp", "cfcolo", "httping"];

/// The arguments of a process, mended.
pub(crate) fn familiar(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let args: Vec<OsString> = args.into_iter().collect();
    let is = |at: usize, word: &str| args.get(at).is_some_and(|arg| arg == word);
    let test = (1..args.len()).find(|at| is(*at, "nodes") && is(at + 1, "test"));
    let Some(test) = test else { return args };
    let mend = |(at, arg): (usize, OsString)| {
        let Some(text) = arg.to_str().filter(|_| at > test) else { return arg };
        let Some(name) = text.strip_prefix('-') else { return arg };
        let bare = name.split('=').next().unwrap_or_default();
        if FAMILIAR.contains(&bare) { format!("-{text}").into() } else { arg }
    };
    args.into_iter().enumerate().map(mend).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_several_letters_are_taken_with_one_dash() {
        let mended = |line: &str| {
            let args = familiar(line.split(' ').map(OsString::from));
            args.iter().map(|arg| arg.to_str().unwrap()).collect::<Vec<_>>().join(" ")
        };
        for (typed, read) in [
            ("ferry nodes test -tl 200 -t 4", "ferry nodes test --tl 200 -t 4"),
            ("ferry nodes test -tlr=0.2 -p 5", "ferry nodes test --tlr=0.2 -p 5"),
            ("ferry nodes test --tl 200", "ferry nodes test --tl 200"),
            ("ferry --config a nodes test -ip 1.1.1.1", "ferry --config a nodes test --ip 1.1.1.1"),
            ("ferry nodes list -tl", "ferry nodes list -tl"),
            ("ferry serve", "ferry serve"),
            ("ferry", "ferry"),
        ] {
            assert_eq!(mended(typed), read, "{typed}");
        }
    }
}

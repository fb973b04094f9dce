//! An error as one line of text, for logs, answers and the command line. It only joins what the errors say of themselves.

use std::error::Error;

/// The error and its causes, outermost first: `read key.pem: No such file or directory`.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("read key.pem")]
    struct Outer(#[source] std::fmt::Error);

    #[test]
    fn causes_follow_the_error_on_one_line() {
        let text = with_causes(&Outer(std::fmt::Error));
        assert_eq!(text, format!("read key.pem: {}", std::fmt::Error));
        assert_eq!(with_causes(&std::fmt::Error), std::fmt::Error.to_string());
    }
}

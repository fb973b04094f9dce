//! Every key with its value, where the value came from and what it means.

/// The unit of a number, by the end of its name.
pub(crate) fn unit(key: &str) -> Option<&'static str> {
    let name = key.rsplit('.').next().unwrap_or(key);
    if name.ends_with("_ms") {
        Some("milliseconds")
    } else if name.ends_with("_s") {
        Some("seconds")
    } else if name.ends_with("bytes_max") || name == "bytes" {
        Some("bytes")
    } else if name.ends_with("_rate") || name.ends_with("_ratio") {
        Some("a share from 0 to 1")
    } else {
        None
    }
}

//! Ids of requests: short, never repeated by one process, and of no use to guess another by.

use http::HeaderValue;

/// A request's id: `fry_` and 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; 20]);

impl RequestId {
    /// Mixes a counter with a seed (the finaliser of `SplitMix64`, a bijection: ids never repeat).
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let mut mixed = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let mut text = *b"fry_0000000000000000";
        for digit in text[4..].iter_mut().rev() {
            *digit = b"0123456789abcdef"[(mixed & 15) as usize];
            mixed >>= 4;
        }
        Self(text)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The id as a header's value.
    pub fn to_header(self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).unwrap_or_else(|_never| HeaderValue::from_static(""))
    }
}

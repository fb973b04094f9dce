//! Seeded choice: hashes, ids and random numbers that are the same in every run with the same seed and request.
//! Not for secrets: everything here can be predicted.

/// How much of each end of a long text goes into its hash: enough to tell requests apart, little enough to be free.
const HASHED_END_BYTES: usize = 16 * 1024;

/// A small generator (splitmix64). Public for what plays beside the mock with the same seed, as the demo's paths do.
#[derive(Clone, Copy, Debug)]
pub struct Dice(u64);

impl Dice {
    /// A generator that will throw the same numbers for the same seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `bound` (0 for a bound of 0).
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.bits() % bound).unwrap_or(0)
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn unit(&mut self) -> f64 {
        // 32 bits are exact in an f64, and finer steps change nothing in a test.
        let bits = u32::try_from(self.bits() >> 32).unwrap_or(0);
        f64::from(bits) / 4_294_967_296.0
    }
}

/// Stirs a number (the finaliser of splitmix64), so that seeds that differ by little give generators that share nothing.
pub const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Hashes both ends of a text and its length: equal texts give equal numbers, and a megabyte costs as much as 32 KB.
pub(crate) fn hash(seed: u64, text: &[u8]) -> u64 {
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    let state = mix(seed ^ length);
    if text.len() <= 2 * HASHED_END_BYTES {
        return fold(state, text);
    }
    let (head, rest) = text.split_at(HASHED_END_BYTES);
    let (_, tail) = rest.split_at(rest.len() - HASHED_END_BYTES);
    fold(fold(state, head), tail)
}

fn fold(mut state: u64, text: &[u8]) -> u64 {
    let mut words = text.chunks_exact(8);
    for word in &mut words {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(word);
        state = (state ^ u64::from_le_bytes(bytes)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        state ^= state >> 32;
    }
    for byte in words.remainder() {
        state = (state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    mix(state)
}

/// Writes `prefix` and 22 letters, the form of the API's ids (`msg_01...`, `req_01...`).
pub(crate) fn id(prefix: &str, seed: u64) -> String {
    const LETTERS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut text = String::with_capacity(prefix.len() + 24);
    text.push_str(prefix);
    text.push_str("01");
    let mut dice = Dice::new(seed);
    for _ in 0..2 {
        let mut bits = dice.bits();
        for _ in 0..11 {
            let letter = usize::try_from(bits % 58).unwrap_or(0);
            text.push(char::from(LETTERS[letter]));
            bits /= 58;
        }
    }
    text
}

/// FNV-1a with 64 bits: the digest in `/__mock/last` and in the echo of unknown paths. Any language computes it in
/// three lines. Chain calls by handing the last result on as `state`; start with [`FNV_START`].
pub fn fnv1a(state: u64, bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(state, |state, byte| (state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The FNV-1a offset basis: the digest of no bytes.
pub const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

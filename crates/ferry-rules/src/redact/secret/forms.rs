//! The forms of keys: prefix, letters, lengths. One line each, sorted by issuer.
//!
//! Lengths are those that issuers document or that their keys have had; where neither is known, what is long enough to be a
//! secret.

/// The letters that may follow a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    /// Letters and digits.
    Plain,
    /// Capitals and digits.
    Upper,
    /// Hexadecimal digits in small letters.
    Hex,
    /// Letters, digits, `_` and `-`.
    Url,
    /// The same and dots.
    Dotted,
    /// Letters, digits, `/`, `+`, `=`, `_` and `-`.
    Path,
}

impl Letters {
    /// Whether a byte is one of them.
    pub(super) const fn has(self, byte: u8) -> bool {
        match self {
            Self::Plain => byte.is_ascii_alphanumeric(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Dotted => Self::Url.has(byte) || byte == b'.',
            Self::Path => Self::Url.has(byte) || matches!(byte, b'/' | b'+' | b'='),
        }
    }
}

/// The form of an issuer's keys.
#[derive(Debug)]
pub(super) struct Form {
    pub prefix: &'static [u8],
    pub letters: Letters,
    /// The fewest letters behind the prefix.
    pub least: usize,
    /// The most.
    pub most: usize,
}

impl Form {
    /// The fewest letters of a key that is not cut, so that dots behind it say nothing: `least` but for the issuers whose
    /// keys are much longer.
    pub(super) const fn whole(&self) -> usize {
        match self.prefix {
            b"sk-ant-" => 80,
            b"sk-proj-" | b"sk-svcacct-" | b"sk-admin-" => 48,
            b"sk-" => 32,
            b"sk_live_" | b"sk_test_" | b"rk_live_" | b"rk_test_" => 24,
            _ => self.least,
        }
    }
}

const fn form(prefix: &'static [u8], letters: Letters, least: usize, most: usize) -> Form {
    Form { prefix, letters, least, most }
}

/// All forms; of two that fit the first counts.
pub(super) const FORMS: &[Form] = &[
    form(b"sk-ant-", Letters::Url, 24, 200),
    form(b"sk-proj-", Letters::Url, 20, 220),
    form(b"sk-svcacct-", Letters::Url, 20, 220),
    form(b"sk-admin-", Letters::Url, 20, 220),
    form(b"sk-or-v1-", Letters::Hex, 40, 80),
    form(b"sk-lf-", Letters::Url, 20, 80),
    form(b"sk-", Letters::Plain, 20, 80),
    form(b"sess-", Letters::Plain, 32, 80),
    form(b"AKIA", Letters::Upper, 16, 16),
    form(b"ASIA", Letters::Upper, 16, 16),
    form(b"ABIA", Letters::Upper, 16, 16),
    form(b"ACCA", Letters::Upper, 16, 16),
    form(b"ABSK", Letters::Path, 60, 200),
    form(b"ghp_", Letters::Plain, 36, 255),
    form(b"gho_", Letters::Plain, 36, 255),
    form(b"ghu_", Letters::Plain, 36, 255),
    form(b"ghs_", Letters::Plain, 36, 255),
    form(b"ghr_", Letters::Plain, 36, 255),
    form(b"github_pat_", Letters::Url, 60, 255),
    form(b"glpat-", Letters::Dotted, 20, 100),
    form(b"gldt-", Letters::Url, 20, 100),
    form(b"glrt-", Letters::Dotted, 20, 100),
    form(b"xoxb-", Letters::Url, 20, 255),
    form(b"xoxp-", Letters::Url, 20, 255),
    form(b"xoxa-", Letters::Url, 20, 255),
    form(b"xoxe-", Letters::Url, 20, 255),
    form(b"xoxe.xox", Letters::Url, 20, 255),
    form(b"xoxo-", Letters::Url, 20, 255),
    form(b"xoxr-", Letters::Url, 20, 255),
    form(b"xoxs-", Letters::Url, 20, 255),
    form(b"xoxc-", Letters::Url, 20, 255),
    form(b"xoxd-", Letters::Path, 20, 400),
    form(b"xapp-", Letters::Url, 20, 255),
    form(b"AIza", Letters::Url, 35, 35),
    form(b"GOCSPX-", Letters::Url, 28, 28),
    form(b"ya29.", Letters::Url, 20, 1024),
    form(b"sk_live_", Letters::Plain, 16, 255),
    form(b"sk_test_", Letters::Plain, 16, 255),
    form(b"rk_live_", Letters::Plain, 16, 255),
    form(b"rk_test_", Letters::Plain, 16, 255),
    form(b"whsec_", Letters::Path, 24, 80),
    form(b"LTAI", Letters::Plain, 12, 28),
    form(b"STS.", Letters::Plain, 20, 40),
    form(b"AKID", Letters::Plain, 32, 32),
    form(b"AKLT", Letters::Plain, 20, 60),
    form(b"bce-v3/ALTAK-", Letters::Path, 20, 100),
    form(b"hf_", Letters::Plain, 30, 40),
    form(b"npm_", Letters::Plain, 36, 36),
    form(b"pypi-", Letters::Url, 50, 255),
    form(b"SG.", Letters::Dotted, 60, 80),
    form(b"SK", Letters::Hex, 32, 32),
    form(b"dop_v1_", Letters::Hex, 64, 64),
    form(b"doo_v1_", Letters::Hex, 64, 64),
    form(b"shpat_", Letters::Plain, 32, 32),
    form(b"shpss_", Letters::Plain, 32, 32),
    form(b"shpca_", Letters::Plain, 32, 32),
    form(b"dapi", Letters::Hex, 32, 34),
    form(b"glsa_", Letters::Url, 32, 50),
    form(b"glc_", Letters::Path, 32, 400),
    form(b"lin_api_", Letters::Plain, 32, 48),
    form(b"ntn_", Letters::Plain, 40, 60),
    form(b"ATATT3", Letters::Path, 60, 255),
    form(b"dckr_pat_", Letters::Url, 24, 40),
    form(b"hvs.", Letters::Url, 24, 200),
    form(b"PMAK-", Letters::Url, 40, 80),
    form(b"xai-", Letters::Plain, 60, 100),
    form(b"gsk_", Letters::Plain, 40, 80),
    form(b"pplx-", Letters::Plain, 40, 80),
    form(b"r8_", Letters::Plain, 30, 50),
    form(b"fw_", Letters::Plain, 20, 40),
    form(b"nvapi-", Letters::Url, 50, 100),
    form(b"AGE-SECRET-KEY-1", Letters::Upper, 58, 58),
    form(b"sbp_", Letters::Hex, 40, 40),
    form(b"pscale_tkn_", Letters::Dotted, 30, 80),
    form(b"tskey-", Letters::Url, 20, 100),
    form(b"rubygems_", Letters::Hex, 48, 48),
    form(b"EAAA", Letters::Url, 60, 60),
    form(b"sq0atp-", Letters::Url, 22, 22),
    form(b"sq0csp-", Letters::Url, 43, 43),
    form(b"AGPA", Letters::Upper, 16, 16),
    form(b"figd_", Letters::Url, 40, 60),
];

/// Whether a key may begin with a byte, for each byte: most words of a text do not get further.
pub(super) const FIRSTS: [bool; 256] = {
    let mut firsts = [false; 256];
    let mut index = 0;
    while index < FORMS.len() {
        firsts[FORMS[index].prefix[0] as usize] = true;
        index += 1;
    }
    firsts[b'e' as usize] = true;
    firsts
};

/// Whether a key may begin with these two bytes.
pub(super) fn may_begin(first: u8, second: u8) -> bool {
    let is_first = FIRSTS.get(usize::from(first)).copied().unwrap_or_default();
    is_first && !(first.is_ascii_digit() || second.is_ascii_digit() && first != b'r')
}

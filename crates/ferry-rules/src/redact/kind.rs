//! The kinds of sensitive data that Ferry knows, and their names.
//!
//! One list for configuration, policy, pseudonyms, counters and documents, so that none of them spells a kind its own way.

/// A kind of sensitive data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Resident identity card of mainland China, and the residence permit of the same form: 18 characters.
    CnId,
    /// Number of a payment card, 13 to 19 digits.
    BankCard,
    /// Mobile number of mainland China.
    CnPhone,
    /// Hong Kong identity card.
    HkId,
    /// Macau identity card.
    MoId,
    /// Taiwan identity card.
    TwId,
    /// Passport of mainland China.
    CnPassport,
    /// Travel permit between the mainland, Hong Kong, Macau and Taiwan.
    TravelPermit,
    /// Unified social credit code of an organisation in China: company data, not personal.
    CnUscc,
    /// Number plate of a vehicle of mainland China.
    CnPlate,
    /// E-mail address.
    Email,
    /// IPv4 or IPv6 address.
    IpAddress,
    /// International bank account number.
    Iban,
    /// API key, access token or signed token of a known form.
    ApiKey,
    /// Private key in PEM form.
    PrivateKey,
    /// The operator's own rule, by its place in the configuration.
    Custom(u16),
}

impl Kind {
    /// Every kind that is built in.
    pub const BUILT_IN: [Self; 15] = [
        Self::CnId,
        Self::BankCard,
        Self::CnPhone,
        Self::HkId,
        Self::MoId,
        Self::TwId,
        Self::CnPassport,
        Self::TravelPermit,
        Self::CnUscc,
        Self::CnPlate,
        Self::Email,
        Self::IpAddress,
        Self::Iban,
        Self::ApiKey,
        Self::PrivateKey,
    ];

    /// The name in reports and labels, in capitals. An operator's rule has its own name beside it; here it is `CUSTOM`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CnId => "CN_ID",
            Self::BankCard => "BANK_CARD",
            Self::CnPhone => "CN_PHONE",
            Self::HkId => "HK_ID",
            Self::MoId => "MO_ID",
            Self::TwId => "TW_ID",
            Self::CnPassport => "CN_PASSPORT",
            Self::TravelPermit => "TRAVEL_PERMIT",
            Self::CnUscc => "CN_USCC",
            Self::CnPlate => "CN_PLATE",
            Self::Email => "EMAIL",
            Self::IpAddress => "IP_ADDRESS",
            Self::Iban => "IBAN",
            Self::ApiKey => "API_KEY",
            Self::PrivateKey => "PRIVATE_KEY",
            Self::Custom(_) => "CUSTOM",
        }
    }

    /// The name in the configuration: [`Kind::name`] in small letters.
    pub const fn key(self) -> &'static str {
        match self {
            Self::CnId => "cn_id",
            Self::BankCard => "bank_card",
            Self::CnPhone => "cn_phone",
            Self::HkId => "hk_id",
            Self::MoId => "mo_id",
            Self::TwId => "tw_id",
            Self::CnPassport => "cn_passport",
            Self::TravelPermit => "travel_permit",
            Self::CnUscc => "cn_uscc",
            Self::CnPlate => "cn_plate",
            Self::Email => "email",
            Self::IpAddress => "ip_address",
            Self::Iban => "iban",
            Self::ApiKey => "api_key",
            Self::PrivateKey => "private_key",
            Self::Custom(_) => "custom",
        }
    }

    /// The built-in kind that the configuration calls so.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::BUILT_IN.into_iter().find(|kind| kind.key() == key)
    }

    /// The place of a built-in kind in [`Kind::BUILT_IN`]; nothing for an operator's rule.
    pub const fn index(self) -> Option<usize> {
        Some(match self {
            Self::CnId => 0,
            Self::BankCard => 1,
            Self::CnPhone => 2,
            Self::HkId => 3,
            Self::MoId => 4,
            Self::TwId => 5,
            Self::CnPassport => 6,
            Self::TravelPermit => 7,
            Self::CnUscc => 8,
            Self::CnPlate => 9,
            Self::Email => 10,
            Self::IpAddress => 11,
            Self::Iban => 12,
            Self::ApiKey => 13,
            Self::PrivateKey => 14,
            Self::Custom(_) => return None,
        })
    }
}

/// A set of built-in kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds(u16);

impl Kinds {
    /// No kind.
    pub const NONE: Self = Self(0);

    /// Every built-in kind.
    pub const ALL: Self = Self((1 << Kind::BUILT_IN.len()) - 1);

    /// The set with `kind`; an operator's rule changes nothing, since it is on by being there.
    #[must_use]
    pub const fn with(self, kind: Kind) -> Self {
        match kind.index() {
            Some(index) => Self(self.0 | (1 << index)),
            None => self,
        }
    }

    /// Whether a built-in kind is in the set.
    pub const fn has(self, kind: Kind) -> bool {
        match kind.index() {
            Some(index) => self.0 & (1 << index) != 0,
            None => false,
        }
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_names_of_a_kind_differ_in_case_alone() {
        for kind in Kind::BUILT_IN.into_iter().chain([Kind::Custom(7)]) {
            assert_eq!(kind.key().to_uppercase(), kind.name());
        }
    }

    #[test]
    fn every_built_in_kind_is_found_by_its_name_and_place() {
        for (place, kind) in Kind::BUILT_IN.into_iter().enumerate() {
            assert_eq!(Kind::from_key(kind.key()), Some(kind));
            assert_eq!(kind.index(), Some(place));
        }
        assert_eq!(Kind::from_key("custom"), None);
        assert_eq!(Kind::Custom(0).index(), None);
    }
}

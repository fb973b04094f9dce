//! From a sign in the text to the detectors that it may concern.
//!
//! One look at each sign, so that time stays linear; which detector may take a run of digits is settled by its length and by
//! what touches it.

use super::reading::{C1_LAST, Text};
use super::subject::Subjects;
use super::sweep::{Place, Sign, sweep};
use super::{Hit, Kind, Kinds};
use super::{
    bank_card, email, iban, ip, mobile, passport, plate, private_key, region_id, resident_id,
    secret, uscc,
};

/// Letters that are surely seen behind a place.
const SEEN_MIN: usize = 60;

/// Looks for the built-in kinds that are on. Hits come in the order of their signs, and may overlap.
pub(super) struct Finder<'a, F: FnMut(usize)> {
    text: Text<'a>,
    kinds: Kinds,
    hits: &'a mut Vec<Hit>,
    /// Of what the text has spoken so far.
    subjects: Subjects,
    /// How far signed tokens have been looked for.
    signed_until: usize,
    odd: F,
}

impl<'a, F: FnMut(usize)> Finder<'a, F> {
    /// Before the text's first sign. `odd` is called at every place that may begin a spelling which the detectors do not
    /// read.
    pub(super) fn new(text: Text<'a>, kinds: Kinds, hits: &'a mut Vec<Hit>, odd: F) -> Self {
        Self { text, kinds, hits, subjects: Subjects::default(), signed_until: 0, odd }
    }

    /// Goes through the whole text.
    pub(super) fn run(&mut self) {
        let bytes = self.text.bytes;
        sweep(bytes, |near| self.look(near));
    }

    fn look(&mut self, near: &Place<'_>) {
        let place = near.at;
        if near.has(Sign::Digits) {
            self.digits(near);
        }
        if near.has(Sign::Joint) {
            self.joint(near);
        }
        if near.has(Sign::Word) && self.may_begin_key(place) {
            let start = self.text.skip_hyphens(self.text.skip_escape(place));
            let mut until = self.signed_until;
            self.push(Kind::ApiKey, |text| secret::at(text, start, &mut until));
            self.signed_until = until;
            self.push(Kind::Iban, |text| iban::at(text, start));
        }
        if near.has(Sign::Odd) {
            (self.odd)(place);
        }
        if near.has(Sign::At) && self.may_have_domain(near) {
            self.push(Kind::Email, |text| email::at(text, place));
        }
        if near.has(Sign::Colon) && Self::may_be_v6(near) {
            self.push(Kind::IpAddress, |text| ip::v6(text, place));
        }
        if near.has(Sign::Plate) {
            self.push_near(Kind::CnPlate, |text, subjects| plate::at(text, subjects, place));
        }
        if near.has(Sign::Dashes) {
            self.push(Kind::PrivateKey, |text| private_key::at(text, place));
        }
    }

    /// Whether a word begins with a letter, or perhaps does behind an escape or a dot.
    fn may_begin_key(&self, place: usize) -> bool {
        !self.text.at(place).is_ascii_digit()
            || matches!(
                self.text.before(place, 1),
                b'.' | b'%' | b'\\' | b'[' | b';' | b':' | b'?' | C1_LAST
            )
    }

    /// Whether a name that goes on with a dot or hyphen stands behind an `@`, as far as can be seen.
    fn may_have_domain(&self, near: &Place<'_>) -> bool {
        let size = near.alnums(1);
        size > 0 && (size >= SEEN_MIN || matches!(self.text.at(near.at + 1 + size), b'.' | b'-'))
    }

    /// Whether an address may have as many colons as stand from this one on.
    fn may_be_v6(near: &Place<'_>) -> bool {
        const REST_MAX: u32 = 46;
        let colons = near.colons() & ((1 << REST_MAX) - 1);
        colons & (colons >> 1) != 0 || colons.count_ones() >= 6
    }

    /// Whether digits may begin with those of an escape: nearly all stand behind something else.
    #[inline]
    fn may_be_behind_escape(&self, start: usize) -> bool {
        let last = self.text.before(start, 1);
        matches!(last, b'%' | b'\\') || last.is_ascii_alphabetic()
    }

    /// Six digits or more begin here.
    fn digits(&mut self, near: &Place<'_>) {
        let start = if self.may_be_behind_escape(near.at) {
            self.text.skip_digits(near.at)
        } else {
            near.at
        };
        let skipped = start - near.at;
        let size = near.digits(skipped);
        let before = self.text.before(start, 1);
        if before.is_ascii_alphabetic() && !self.text.behind_escape(start) {
            self.behind_letter(start, size);
        } else {
            self.bare(start, size);
        }
        // Department and kind are two characters, the area behind them six digits. A letter may stand before those seen here.
        if (7..=18).contains(&size) && matches!(near.alnums(skipped), 17 | 18) {
            self.push(Kind::CnUscc, |text| uscc::run(text, start));
        }
    }

    fn behind_letter(&mut self, start: usize, size: usize) {
        self.push_near(Kind::HkId, |text, subjects| {
            region_id::hong_kong(text, subjects, start, size)
        });
        self.push(Kind::TwId, |text| region_id::taiwan(text, start, size));
        self.push_near(Kind::TravelPermit, |text, subjects| {
            passport::permit(text, subjects, start, size)
        });
        self.push_near(Kind::CnPassport, |text, subjects| {
            passport::passport(text, subjects, start, size)
        });
        // All others are words of sixteen characters and more.
        if size == 13 {
            self.push(Kind::Iban, |text| iban::at(text, start.checked_sub(2)?));
        }
    }

    fn bare(&mut self, start: usize, size: usize) {
        match size {
            6..=8 => {
                self.push_near(Kind::MoId, |text, subjects| {
                    region_id::macau(text, subjects, start, size)
                });
                self.push_near(Kind::TravelPermit, |text, subjects| {
                    passport::digits(text, subjects, start, size)
                });
            }
            11 => self.push(Kind::CnPhone, |text| mobile::run(text, start, size)),
            13..=19 => {
                self.push(Kind::CnPhone, |text| mobile::run(text, start, size));
                self.push(Kind::CnId, |text| resident_id::run(text, start, size));
                self.push(Kind::BankCard, |text| bank_card::run(text, start, size));
            }
            _ => {}
        }
    }

    /// A space, hyphen or dot between two digits.
    fn joint(&mut self, near: &Place<'_>) {
        let place = near.at;
        let after = near.digits(1);
        let mut before = near.digits_before();
        if before > 2 && self.may_be_behind_escape(place - before) {
            // The digits of an escape belong to no group.
            let start = place - before;
            before -= (self.text.skip_digits(start) - start).min(before);
        }
        if self.text.at(place) == b'.' {
            self.dot(place, before, after);
            return;
        }
        let behind = self.hits.last().map_or(0, |hit| hit.end);
        match before {
            4 => {
                if matches!(after, 4 | 6) {
                    self.push(Kind::BankCard, |text| {
                        bank_card::grouped(text, place, before, behind)
                    });
                }
                if after >= 2 {
                    self.push(Kind::CnId, |text| resident_id::grouped(text, place));
                }
            }
            6 => {
                if after >= 2 {
                    self.push(Kind::CnId, |text| resident_id::grouped(text, place));
                }
                if matches!(after, 7..=13) {
                    self.push(Kind::BankCard, |text| {
                        bank_card::grouped(text, place, before, behind)
                    });
                }
            }
            3 | 5 | 7 if after == 4 => {
                self.push(Kind::CnPhone, |text| mobile::grouped(text, place));
            }
            _ => {}
        }
        // More than four digits are no group, and a number goes on before this one or begins with it.
        let is_group = self.text.before(place, 5) == self.text.at(place)
            || self.text.before(place, 4).is_ascii_alphabetic();
        if before <= 4 && is_group {
            self.push(Kind::Iban, |text| iban::grouped(text, place));
        }
    }

    /// A dot between `before` digits and `after` more.
    fn dot(&mut self, place: usize, before: usize, after: usize) {
        // A later dot has been read with the first.
        let is_later = |back| {
            self.text.before(place, back) == b'.'
                && self.text.before(place, back + 1).is_ascii_digit()
        };
        if (2..=4).any(is_later) {
            return;
        }
        if before <= 3 && after <= 3 && self.text.at(place + after + 1) == b'.' {
            self.push(Kind::IpAddress, |text| ip::v4(text, place));
        }
        if matches!(before, 3 | 5 | 7) && after == 4 {
            self.push(Kind::CnPhone, |text| mobile::grouped(text, place));
        }
    }

    #[inline]
    fn push_near(&mut self, kind: Kind, find: impl FnOnce(Text<'_>, &mut Subjects) -> Option<Hit>) {
        if self.kinds.has(kind)
            && let Some(hit) = find(self.text, &mut self.subjects)
        {
            self.hits.push(hit);
        }
    }

    #[inline]
    fn push(&mut self, kind: Kind, find: impl FnOnce(Text<'_>) -> Option<Hit>) {
        if self.kinds.has(kind)
            && let Some(hit) = find(self.text)
        {
            self.hits.push(hit);
        }
    }
}

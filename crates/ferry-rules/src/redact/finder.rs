//! From a sign in the text to the detectors that it may concern.
//!
//! One look at each sign, so that time stays linear; which detector may take a run of digits is settled by its length and by
//! what touches it.

use super::context::Subjects;
use super::reading::{RUN_MAX, Text};
use super::sweep::{Sign, sweep};
use super::{Hit, Kind, Kinds};
use super::{
    bank_card, email, iban, ip, mobile, passport, plate, private_key, region_id, resident_id,
    secret, uscc,
};

/// Looks for the built-in kinds that are on. Hits come in the order of their signs, and may overlap.
pub(super) struct Finder<'a, F: FnMut(usize)> {
    pub text: Text<'a>,
    pub kinds: Kinds,
    pub hits: &'a mut Vec<Hit>,
    /// Of what the text has spoken so far.
    pub subjects: Subjects,
    /// Called at every place that may begin a spelling which the detectors do not read.
    pub odd: F,
}

impl<F: FnMut(usize)> Finder<'_, F> {
    /// Goes through the whole text.
    pub(super) fn run(&mut self) {
        let bytes = self.text.bytes;
        sweep(bytes, |place, sign| self.look(place, sign));
    }

    fn look(&mut self, place: usize, sign: Sign) {
        if sign.has(Sign::DIGITS) {
            self.digits(place);
        }
        if sign.has(Sign::JOINT) {
            self.joint(place);
        }
        if sign.has(Sign::WORD) {
            let start = self.text.skip_hyphens(self.text.skip_escape(place));
            self.push(Kind::ApiKey, |text| secret::at(text, start));
            self.push(Kind::Iban, |text| iban::at(text, start));
        }
        if sign.has(Sign::ODD) {
            (self.odd)(place);
        }
        if sign.has(Sign::AT) {
            self.push(Kind::Email, |text| email::at(text, place));
        }
        if sign.has(Sign::COLON) {
            self.push(Kind::IpAddress, |text| ip::v6(text, place));
        }
        if sign.has(Sign::PLATE) {
            self.push_near(Kind::CnPlate, |text, subjects| plate::at(text, subjects, place));
        }
        if sign.has(Sign::DASHES) {
            self.push(Kind::PrivateKey, |text| private_key::at(text, place));
        }
    }

    /// Six digits or more begin at `place`.
    fn digits(&mut self, place: usize) {
        let start = self.text.skip_digits(place);
        let size = self.text.digits(start, RUN_MAX);
        let before = self.text.before(start, 1);
        if before.is_ascii_alphabetic() && !self.text.behind_escape(start) {
            self.behind_letter(start, size);
        } else {
            self.bare(start, size);
        }
        // Department and kind are two characters, the area behind them six digits.
        if (7..=18).contains(&size) {
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

    /// A space, hyphen or dot between two digits stands at `place`.
    fn joint(&mut self, place: usize) {
        if self.text.at(place) == b'.' {
            // A later dot has been read with the first.
            let is_later = |back| {
                self.text.before(place, back) == b'.'
                    && self.text.before(place, back + 1).is_ascii_digit()
            };
            if !(2..=4).any(is_later) {
                self.push(Kind::IpAddress, |text| ip::v4(text, place));
                self.push(Kind::CnPhone, |text| mobile::grouped(text, place));
            }
            return;
        }
        let behind = self.hits.last().map_or(0, |hit| hit.end);
        match self.text.digits_before(place, 8) {
            4 => {
                self.push(Kind::BankCard, |text| bank_card::grouped(text, place, behind));
                self.push(Kind::CnId, |text| resident_id::grouped(text, place));
            }
            6 => {
                self.push(Kind::CnId, |text| resident_id::grouped(text, place));
                self.push(Kind::BankCard, |text| bank_card::grouped(text, place, behind));
            }
            3 | 5 | 7 => self.push(Kind::CnPhone, |text| mobile::grouped(text, place)),
            _ => {}
        }
        self.push(Kind::Iban, |text| iban::grouped(text, place));
    }

    #[inline]
    fn push_near(&mut self, kind: Kind, find: impl FnOnce(Text<'_>, &mut Subjects) -> Option<Hit>) {
        if self.kinds.has(kind) {
            self.hits.extend(find(self.text, &mut self.subjects));
        }
    }

    #[inline]
    fn push(&mut self, kind: Kind, find: impl FnOnce(Text<'_>) -> Option<Hit>) {
        if self.kinds.has(kind) {
            self.hits.extend(find(self.text));
        }
    }
}

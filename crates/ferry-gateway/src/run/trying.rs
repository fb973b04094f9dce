//! A redaction policy tried over the admin port: with the rules in force and the secret of this Ferry, so that the
//! pseudonyms shown are those that a node would see.

use crate::admin::{Tried, Trying};
use crate::journey::Journey;

pub(super) fn try_on(journey: &Journey, trying: &Trying) -> Tried {
    let Trying { line, form, bytes } = trying;
    let snapshot = journey.snapshot();
    let labels = snapshot.line_labels();
    if !labels.iter().any(|label| **label == **line) {
        return Tried::UnknownLine(labels.iter().map(ToString::to_string).collect());
    }
    let rules = &snapshot.settings.redaction;
    let secret = journey.shared().redaction_secret();
    match rules.try_on(line, secret, *form, bytes) {
        Ok(trial) => {
            let mut report = trial.report(rules);
            let text = trial.edits.apply(std::slice::from_ref(bytes)).concat();
            if let Some(members) = report.as_object_mut() {
                members.insert("text".to_owned(), String::from_utf8_lossy(&text).into());
            }
            Tried::Report(report)
        }
        Err(error) => Tried::Unreadable(error.to_string()),
    }
}

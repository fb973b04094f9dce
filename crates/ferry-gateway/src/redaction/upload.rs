//! The rules over an upload: names of files, and contents that are text. Everything else in it stays as it is.

use ferry_rules::redact::apply::Replacement;
use ferry_rules::redact::pseudonym::Secret;
use ferry_wire::multipart;
use ferry_wire::splice::Edits;

use super::{RedactError, Redacted, RuleSet, Scan};

impl RuleSet {
    /// Looks through a multipart form; `content_type` is that of the request.
    ///
    /// A content that is no text and is not called one, such as most PDFs and every image, is not looked into, and goes on
    /// byte for byte.
    ///
    /// # Errors
    /// [`RedactError`]: the upload must then go no further where something is to be replaced or refused.
    pub fn upload(
        &self,
        line: &str,
        secret: &Secret,
        content_type: &[u8],
        body: &[u8],
    ) -> Result<Redacted, RedactError> {
        let parts = multipart::read(content_type, body)?;
        let mut scan = Scan::new(self, line, secret);
        let mut edits = Edits::new();
        for (index, part) in parts.iter().enumerate() {
            for name in part.file_names(body) {
                let found = scan.plain(name.text(), || format!("parts[{index}].filename"));
                name.put(
                    &mut edits,
                    found.iter().map(|found| (found.range.clone(), &*found.text)),
                )?;
            }
            for (start, text) in part.texts(body) {
                for Replacement { range, text } in
                    scan.plain(text, || format!("parts[{index}].content"))
                {
                    edits.put_raw(start + range.start..start + range.end, text.as_bytes())?;
                }
            }
        }
        Ok(Redacted { edits, outcome: scan.redaction.finish() })
    }
}

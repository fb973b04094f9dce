//! Why an upload could not be read. It never quotes a byte of it.

/// Why an upload could not be read. Display fits after "failed to".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    /// The type is another, or its boundary is missing, given twice, or no boundary.
    #[error(
        "read the upload: its Content-Type is not multipart/form-data with one boundary of 1 to 70 characters"
    )]
    NoBoundary,
    /// No boundary ends it, or none stands in it.
    #[error("read the upload as a multipart form: it ends before its closing boundary")]
    NoEnd,
    /// A boundary's line that readers could take for one or for a part of the content.
    #[error(
        "read the upload as a multipart form: the boundary at byte {at} stands on no line of its own"
    )]
    Boundary {
        /// Where its two hyphens stand.
        at: usize,
    },
    /// Bytes that belong to no part; some readers skip them, and they would go on unseen.
    #[error(
        "read the upload as a multipart form: bytes before its first or behind its closing boundary"
    )]
    Outside,
    /// More parts than [`super::PARTS_MAX`].
    #[error("read the upload as a multipart form: it has more than {} parts", super::PARTS_MAX)]
    TooManyParts,
    /// A head with a line that is no field, or with bare line ends, NULs or quotes that do not close.
    #[error("read the head of parts[{part}] of the upload")]
    Head {
        /// Its place among the parts, from 0.
        part: usize,
    },
    /// A head longer than [`super::HEAD_BYTES_MAX`].
    #[error(
        "read the head of parts[{part}] of the upload: it is longer than {} bytes",
        super::HEAD_BYTES_MAX
    )]
    HeadTooLong {
        /// Its place among the parts, from 0.
        part: usize,
    },
    /// A file name in several parameters (RFC 2231).
    #[error("read the file name of parts[{part}] of the upload: it comes in pieces")]
    NameInPieces {
        /// Its place among the parts, from 0.
        part: usize,
    },
    /// A content or transfer coding of the part's own.
    #[error(
        "read parts[{part}] of the upload: it has a Content-Encoding or Content-Transfer-Encoding"
    )]
    Coded {
        /// Its place among the parts, from 0.
        part: usize,
    },
    /// A form inside the form.
    #[error("read parts[{part}] of the upload: it is a multipart body itself")]
    Nested {
        /// Its place among the parts, from 0.
        part: usize,
    },
}

//! What is wrong with the framing of a request: code, status and one sentence each.

/// What is wrong with the framing of a request. Display fits after "failed to".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("frame the request ({})", self.code())]
pub enum FramingError {
    /// LF without CR.
    BareLf,
    /// CR without LF.
    BareCr,
    /// NUL or another control.
    ControlByte,
    /// A field line that begins with white space (obs-fold).
    FoldedLine,
    /// White space between a field name and its colon.
    SpaceBeforeColon,
    /// A field name that is empty or no token, or a line without a colon.
    FieldName,
    /// No `Host`, or an empty one.
    MissingHost,
    /// `Host` twice, equal or not.
    TwoHosts,
    /// A `Host` that is no host.
    Host,
    /// `Content-Length` and `Transfer-Encoding` together.
    BothLengths,
    /// `Content-Length` twice, equal or not.
    TwoLengths,
    /// A `Content-Length` that is not digits only, or too large.
    Length,
    /// A `Transfer-Encoding` other than `chunked`.
    Coding,
    /// `Transfer-Encoding` twice.
    TwoCodings,
    /// `Transfer-Encoding` in HTTP/1.0.
    CodingIn10,
    /// `Content_Length` or `Transfer_Encoding`.
    TwinField,
    /// A chunk size that is not one to fifteen hexadecimal digits before CRLF.
    ChunkSize,
    /// Chunk data that is not followed by CRLF.
    ChunkEnd,
    /// A chunk extension with controls, or too many of them.
    ChunkExtension,
    /// Trailers over the bound.
    TrailersTooLarge,
    /// A framing or routing field in the trailers.
    TrailerField,
    /// A version other than HTTP/1.0 and HTTP/1.1.
    Version,
    /// CONNECT.
    Connect,
    /// A head over the bound.
    HeadTooLarge,
    /// A request line that is not method, target and version with one space between.
    RequestLine,
    /// A target in none of the forms that a server may get.
    Target,
    /// An absolute-form target whose authority is not `Host`.
    Authority,
}

impl FramingError {
    /// All of them, for tables and metrics.
    pub const ALL: [Self; 27] = [
        Self::BareLf,
        Self::BareCr,
        Self::ControlByte,
        Self::FoldedLine,
        Self::SpaceBeforeColon,
        Self::FieldName,
        Self::MissingHost,
        Self::TwoHosts,
        Self::Host,
        Self::BothLengths,
        Self::TwoLengths,
        Self::Length,
        Self::Coding,
        Self::TwoCodings,
        Self::CodingIn10,
        Self::TwinField,
        Self::ChunkSize,
        Self::ChunkEnd,
        Self::ChunkExtension,
        Self::TrailersTooLarge,
        Self::TrailerField,
        Self::Version,
        Self::Connect,
        Self::HeadTooLarge,
        Self::RequestLine,
        Self::Target,
        Self::Authority,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BareLf => "framing-bare-lf",
            Self::BareCr => "framing-bare-cr",
            Self::ControlByte => "framing-control-byte",
            Self::FoldedLine => "framing-folded-line",
            Self::SpaceBeforeColon => "framing-space-before-colon",
            Self::FieldName => "framing-field-name",
            Self::MissingHost => "framing-missing-host",
            Self::TwoHosts => "framing-two-hosts",
            Self::Host => "framing-host",
            Self::BothLengths => "framing-both-lengths",
            Self::TwoLengths => "framing-two-lengths",
            Self::Length => "framing-length",
            Self::Coding => "framing-coding",
            Self::TwoCodings => "framing-two-codings",
            Self::CodingIn10 => "framing-coding-in-1-0",
            Self::TwinField => "framing-twin-field",
            Self::ChunkSize => "framing-chunk-size",
            Self::ChunkEnd => "framing-chunk-end",
            Self::ChunkExtension => "framing-chunk-extension",
            Self::TrailersTooLarge => "framing-trailers-too-large",
            Self::TrailerField => "framing-trailer-field",
            Self::Version => "framing-version",
            Self::Connect => "framing-connect",
            Self::HeadTooLarge => "framing-head-too-large",
            Self::RequestLine => "framing-request-line",
            Self::Target => "framing-target",
            Self::Authority => "framing-authority",
        }
    }

    /// The status for the client; the connection is closed after it.
    pub const fn status(self) -> u16 {
        match self {
            Self::HeadTooLarge | Self::TrailersTooLarge => 431,
            Self::Version => 505,
            // RFC 9110 section 9.3.6: an origin server that does not implement CONNECT.
            Self::Connect => 501,
            Self::BareLf
            | Self::BareCr
            | Self::ControlByte
            | Self::FoldedLine
            | Self::SpaceBeforeColon
            | Self::FieldName
            | Self::MissingHost
            | Self::TwoHosts
            | Self::Host
            | Self::BothLengths
            | Self::TwoLengths
            | Self::Length
            | Self::Coding
            | Self::TwoCodings
            | Self::CodingIn10
            | Self::TwinField
            | Self::ChunkSize
            | Self::ChunkEnd
            | Self::ChunkExtension
            | Self::TrailerField
            | Self::RequestLine
            | Self::Target
            | Self::Authority => 400,
        }
    }

    /// What is wrong, in one English sentence for the client.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::BareLf => "A line ends in LF alone; HTTP/1.1 lines end in CRLF.",
            Self::BareCr => "A CR stands alone in the head; HTTP/1.1 lines end in CRLF.",
            Self::ControlByte => "The head holds a control byte; send plain text there.",
            Self::FoldedLine => "A header is folded over two lines; send it on one.",
            Self::SpaceBeforeColon => {
                "A header name is followed by a space; put the colon right after it."
            }
            Self::FieldName => "A header name is empty or holds a byte that no name may hold.",
            Self::MissingHost => "The request has no Host; HTTP/1.1 needs one.",
            Self::TwoHosts => "The request has two Host headers; send one.",
            Self::Host => "The Host header is no host name or address.",
            Self::BothLengths => {
                "The request has Content-Length and Transfer-Encoding; send one of them."
            }
            Self::TwoLengths => "The request has two Content-Length headers; send one.",
            Self::Length => "Content-Length is no plain number.",
            Self::Coding => "Transfer-Encoding is something other than chunked.",
            Self::TwoCodings => "The request has two Transfer-Encoding headers; send one.",
            Self::CodingIn10 => "Transfer-Encoding does not exist in HTTP/1.0; use HTTP/1.1.",
            Self::TwinField => "A framing header is written with an underscore; use a hyphen.",
            Self::ChunkSize => "A chunk size is not hexadecimal digits followed by CRLF.",
            Self::ChunkEnd => "A chunk is not followed by CRLF where its size says it ends.",
            Self::ChunkExtension => "A chunk extension is too long or holds a control byte.",
            Self::TrailersTooLarge => "The trailers are too large; send none.",
            Self::TrailerField => "The trailers hold a framing header; send none.",
            Self::Version => "The HTTP version is not supported; use HTTP/1.1 or HTTP/2.",
            Self::Connect => "CONNECT is not served; set a base URL instead of a proxy.",
            Self::HeadTooLarge => "The request head is too large; send fewer or shorter headers.",
            Self::RequestLine => "The request line is not method, target and version.",
            Self::Target => "The request target is neither a path nor an http URL.",
            Self::Authority => "The request target and the Host header name different hosts.",
        }
    }
}

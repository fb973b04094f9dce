//! What is told to a client whose body has a content coding that cannot be undone.

use ferry_wire::error::ApiErrorKind;

use super::Told;
use super::text::client;
use crate::journey::read;

/// A content coding that cannot be undone.
pub(super) fn coding(fault: read::CodingFault) -> Told {
    use ApiErrorKind::{InvalidRequest, RequestTooLarge};
    match fault {
        read::CodingFault::Invalid => client(
            400,
            InvalidRequest,
            "request_body_encoding_invalid",
            "The body is not what its Content-Encoding says; send it whole, or without a coding."
                .to_owned(),
        ),
        read::CodingFault::Nested => client(
            400,
            InvalidRequest,
            "request_body_encoding_unsupported",
            "The body has more than one Content-Encoding; send it with one, or none.".to_owned(),
        ),
        read::CodingFault::TooLarge { max } => client(
            413,
            RequestTooLarge,
            "request_body_too_large_after_decoding",
            format!("The body is larger than {max} bytes once decoded; split it."),
        ),
    }
}

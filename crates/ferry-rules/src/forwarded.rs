//! The client's address behind proxies that are trusted.
//!
//! `X-Forwarded-For` is a list that anyone may begin; only the part that trusted proxies appended is
//! believed. It never believes a peer that is not in the list of trusted networks.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// The right-most address that is not a trusted proxy's.
///
/// `values` are the values of `X-Forwarded-For` in the order in which they came. When an entry is no
/// address, the last proxy before it is the answer; when all are trusted, the left-most is.
pub fn client<'a>(
    peer: IpAddr,
    values: impl DoubleEndedIterator<Item = &'a [u8]>,
    trusted: &[IpNet],
) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut known = peer.to_canonical();
    if !is_trusted(&known) {
        return known;
    }
    for entry in values.rev().flat_map(|value| value.rsplit(|byte| *byte == b',')) {
        let Some(address) = parse(entry) else { return known };
        known = address;
        if !is_trusted(&known) {
            return known;
        }
    }
    known
}

/// An address with or without port, brackets and quotation marks, as proxies write them.
fn parse(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim().trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare
        .parse::<IpAddr>()
        .or_else(|_not_bare| text.parse::<SocketAddr>().map(|socket| socket.ip()))
        .ok()?;
    Some(address.to_canonical())
}

//! `/v1/files`: uploads kept in memory, listed, given back byte for byte, deleted. Bounded; nothing reaches a disk.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use memchr::memmem;
use serde_json::{Value, json};

use crate::clock;
use crate::dice;
use crate::exchange::{Arrived, Payload, Reply};
use crate::models::page;
use crate::refusal::Refusal;

/// Bytes of all files together; the oldest go when there is no room.
const ALL_FILES_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Files at once.
const FILES_MAX: usize = 10_000;

/// Bytes of a piece of a download: many writes for a large file, as from a real server.
const PIECE_BYTES: usize = 64 * 1024;

/// The uploaded files, oldest first.
#[derive(Debug)]
pub(crate) struct Files {
    seed: u64,
    kept: Mutex<Vec<File>>,
}

#[derive(Clone, Debug)]
struct File {
    id: String,
    object: Value,
    mime: String,
    content: Bytes,
}

/// A part of a multipart body.
#[derive(Debug, PartialEq, Eq)]
struct Part<'a> {
    name: String,
    filename: Option<String>,
    mime: String,
    content: &'a [u8],
}

impl Files {
    /// No files.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, kept: Mutex::new(Vec::new()) }
    }

    /// Forgets all files.
    pub(crate) fn clear(&self) {
        if let Ok(mut kept) = self.kept.lock() {
            kept.clear();
        }
    }

    /// Answers below `/v1/files`.
    ///
    /// # Errors
    /// 404 for an unknown file, 400 for an upload without a file, 405 otherwise.
    pub(crate) fn answer(
        &self,
        arrived: &Arrived<'_>,
        method: &str,
        rest: &[&str],
    ) -> Result<Reply, Refusal> {
        match (method, rest) {
            ("POST", []) => self.upload(arrived),
            ("GET", []) => {
                // Newest first.
                let all = self.all().into_iter().rev().map(|file| file.object).collect();
                Ok(Reply::json(&page(all, arrived.query, 20)?))
            }
            ("GET", [id]) => Ok(Reply::json(&self.find(id)?.object)),
            ("GET", [id, "content"]) => Ok(download(self.find(id)?)),
            ("DELETE", [id]) => {
                let file = self.find(id)?;
                if let Ok(mut kept) = self.kept.lock() {
                    kept.retain(|kept| kept.id != file.id);
                }
                Ok(Reply::json(&json!({ "id": id, "type": "file_deleted" })))
            }
            _ => Err(Refusal::wrong_method()),
        }
    }

    fn all(&self) -> Vec<File> {
        self.kept.lock().map(|kept| kept.clone()).unwrap_or_default()
    }

    fn find(&self, id: &str) -> Result<File, Refusal> {
        let missing = || Refusal::not_found(format!("File not found: {id}"));
        self.all().into_iter().find(|file| file.id == id).ok_or_else(missing)
    }

    fn upload(&self, arrived: &Arrived<'_>) -> Result<Reply, Refusal> {
        let content_type = arrived.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let boundary = content_type.and_then(boundary).ok_or_else(|| {
            Refusal::invalid("content-type: multipart/form-data with a boundary is required")
        })?;
        let part = parts(arrived.body, &boundary)
            .into_iter()
            .find(|part| part.name == "file")
            .ok_or_else(|| Refusal::invalid("file: Field required"))?;
        let id = dice::id("file_", self.seed ^ dice::mix(arrived.number));
        let object = json!({
            "type": "file", "id": id, "filename": part.filename.as_deref().unwrap_or("upload"),
            "mime_type": part.mime, "size_bytes": part.content.len(),
            "created_at": clock::rfc3339_in(Duration::ZERO), "downloadable": true,
        });
        let file = File {
            id,
            object: object.clone(),
            mime: part.mime,
            content: Bytes::copy_from_slice(part.content),
        };
        if let Ok(mut kept) = self.kept.lock() {
            kept.push(file);
            while kept.len() > FILES_MAX
                || kept.iter().map(|file| file.content.len()).sum::<usize>() > ALL_FILES_BYTES_MAX
            {
                kept.remove(0);
            }
        }
        Ok(Reply::json(&object))
    }
}

fn download(file: File) -> Reply {
    let length = file.content.len();
    let mut content = file.content;
    let pieces = std::iter::from_fn(move || {
        let piece = content.split_to(PIECE_BYTES.min(content.len()));
        (!piece.is_empty()).then_some(piece)
    });
    let mut reply = Reply::new(200, "application/octet-stream", Payload::Pieces(Box::new(pieces)));
    if let Ok(mime) = HeaderValue::from_str(&file.mime) {
        reply.headers.insert(CONTENT_TYPE, mime);
    }
    reply.headers.insert(hyper::header::CONTENT_LENGTH, HeaderValue::from(length));
    reply
}

fn boundary(content_type: &str) -> Option<String> {
    let (kind, rest) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let value = rest.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?;
    Some(value.trim_matches('"').to_owned())
}

/// Cuts a multipart body (RFC 2046, section 5.1) into parts; a part without its end is left out.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<Part<'a>> {
    let line = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let mut found = Vec::new();
    let Some(start) = memmem::find(body, line.as_bytes()) else { return found };
    let mut rest = &body[start + line.len()..];
    while rest.starts_with(b"\r\n") {
        rest = &rest[2..];
        let Some(end) = memmem::find(rest, between.as_bytes()) else { break };
        found.extend(part(&rest[..end]));
        rest = &rest[end + between.len()..];
    }
    found
}

fn part(raw: &[u8]) -> Option<Part<'_>> {
    let split = memmem::find(raw, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&raw[..split]).into_owned();
    let header = |wanted: &str| {
        let lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        let mut values = lines.filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        values.next().map(|(_, value)| value.trim().to_owned())
    };
    let disposition = header("content-disposition")?;
    let parameter = |name: &str| {
        let start = format!("{name}=\"");
        let pieces = disposition.split(';').map(str::trim);
        let mut values = pieces.filter_map(|piece| piece.strip_prefix(start.as_str()));
        values.next().map(|value| value.trim_end_matches('"').to_owned())
    };
    Some(Part {
        name: parameter("name")?,
        filename: parameter("filename"),
        mime: header("content-type").unwrap_or_else(|| "application/octet-stream".to_owned()),
        content: &raw[split + 4..],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_their_bytes() {
        let body = b"preamble\r\n--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nx\r\n--b\r\n\
            content-disposition: form-data; name=\"file\"; filename=\"a b.bin\"\r\nContent-Type: image/png\r\n\r\n\
            \x00\r\n--not\xff\r\n--b--\r\n";
        let found = parts(body, "b");
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].filename.as_deref(), Some("a b.bin"));
        assert_eq!(found[1].mime, "image/png");
        assert_eq!(found[1].content, b"\x00\r\n--not\xff");
    }

    #[test]
    fn the_boundary_may_be_quoted() {
        assert_eq!(boundary("multipart/form-data; boundary=\"x y\"").as_deref(), Some("x y"));
        assert_eq!(boundary("multipart/form-data; charset=a; boundary=z").as_deref(), Some("z"));
        assert_eq!(boundary("application/json"), None);
    }
}

//! What of a new configuration applies at once, and what only a restart can change.
//!
//! A reload never half-applies a key: what is listed here stays as it was until the restart, and is
//! named to the operator. Everything else applies to the next request.

use super::Resolved;

/// A key and whether it differs.
type Fixed = (&'static str, fn(&Resolved, &Resolved) -> bool);

/// Sockets, queues and files that are made once. Certificates are not here: their files are read
/// again, only turning TLS on or off changes what a listener is.
const FIXED: &[Fixed] = &[
    ("server.listen", |old, new| old.serve.listen != new.serve.listen),
    ("server.admin_listen", |old, new| old.admin.listen != new.admin.listen),
    ("server.tls_cert_file", |old, new| old.serve.tls.is_some() != new.serve.tls.is_some()),
    ("server.proxy_protocol", |old, new| old.serve.proxy_protocol != new.serve.proxy_protocol),
    ("server.trusted_proxies", |old, new| old.serve.trusted_proxies != new.serve.trusted_proxies),
    ("server.connections_max", |old, new| old.serve.connections_max != new.serve.connections_max),
    ("server.http2_streams_max", |old, new| {
        old.serve.http2_streams_max != new.serve.http2_streams_max
    }),
    ("server.head_bytes_max", |old, new| old.serve.head_bytes_max != new.serve.head_bytes_max),
    ("server.drain_ms", |old, new| old.serve.drain != new.serve.drain),
    ("timeouts.head_ms", |old, new| old.serve.head_timeout != new.serve.head_timeout),
    ("timeouts.keep_alive_ms", |old, new| old.serve.keep_alive_idle != new.serve.keep_alive_idle),
    ("timeouts.client_idle_ms", |old, new| old.serve.client_idle != new.serve.client_idle),
    ("state.dir", |old, new| old.state.dir != new.state.dir),
    ("log.format", |old, new| old.telemetry.format != new.telemetry.format),
    ("log.level", |old, new| old.telemetry.level != new.telemetry.level),
    ("log.file", |old, new| old.telemetry.file != new.telemetry.file),
    ("log.queue_lines", |old, new| old.telemetry.queue_lines != new.telemetry.queue_lines),
];

/// The keys that differ and that only a restart can change. `server.tls_cert_file` stands for TLS
/// turned on or off.
pub fn restart_needed(old: &Resolved, new: &Resolved) -> Vec<&'static str> {
    FIXED.iter().filter(|(_, differs)| differs(old, new)).map(|(key, _)| *key).collect()
}

/// When a change of a key applies, in words.
pub(crate) fn applies(key: &str) -> &'static str {
    if key == "server.tls_cert_file" || key == "server.tls_key_file" {
        "on reload; turning TLS on or off, after a restart"
    } else if FIXED.iter().any(|(fixed, _)| *fixed == key) {
        "after a restart"
    } else {
        "on reload"
    }
}

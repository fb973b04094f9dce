//! A reload: the new configuration is built whole before anything changes, so that a bad one leaves the
//! old one in force. Nodes keep their connections by name.

use std::sync::Arc;

use ferry_rules::exposure::Exposure;

use super::Running;
use crate::causes::with_causes;
use crate::clock;
use crate::config::{self, ConfigReport, Inputs, Problem};
use crate::journey::snapshot::ZoneNotAHeader;
use crate::journey::{self, Snapshot};
use crate::telemetry::{LogLevel, NoticeEvent, ReloadResult, Telemetry};
use crate::upstream::{self, Base, Fleet, Node, TlsError};

/// What a reload did.
#[derive(Debug)]
pub struct Reloaded {
    /// Keys that changed and take effect only after a restart.
    pub restart_needed: Vec<&'static str>,
    /// What deserves a second look.
    pub warnings: Vec<Problem>,
    /// Files to watch from now on.
    pub files: Vec<std::path::PathBuf>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The configuration is broken.
    #[error("use the new configuration")]
    Config(#[source] ConfigReport),
    /// With the sockets as they are, anyone could spend a node's key.
    #[error(transparent)]
    Exposure(#[from] Exposure),
    /// A node's files cannot be used.
    #[error(transparent)]
    Node(#[from] TlsError),
    /// The listener's new certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] crate::serve::tls::TlsError),
    /// The settings do not make a snapshot.
    #[error(transparent)]
    Snapshot(#[from] ZoneNotAHeader),
}

/// Builds the nodes of a configuration; those that had the name before keep their connections.
pub(super) fn nodes(
    settings: &upstream::Settings,
    before: &[Arc<Node>],
    base: &Base,
) -> Result<Vec<Arc<Node>>, TlsError> {
    settings
        .nodes
        .iter()
        .map(|node| {
            let new = Node::new(node, settings, base)?;
            let old = before.iter().find(|old| old.settings.name == node.name);
            Ok(Arc::new(match old {
                Some(old) => new.succeeding(old),
                None => new,
            }))
        })
        .collect()
}

pub(super) fn reload(running: &mut Running, inputs: &Inputs) -> Result<Reloaded, ReloadError> {
    let loaded = match config::load(inputs) {
        Ok(loaded) => loaded,
        Err(report) => {
            running.tried = report.files().to_vec();
            return Err(ReloadError::Config(report));
        }
    };
    running.tried.clone_from(&loaded.files);
    let new = loaded.resolved;
    super::check_exposure(&new, running.data, running.admin)?;
    let before = running.journey.snapshot();
    let base = running.journey.shared().base();
    let node_list = nodes(&new.upstream, &before.fleet.nodes, base)?;
    let names: Vec<_> = node_list.iter().map(|node| Arc::clone(&node.settings.name)).collect();
    // Whether `Host` is checked belongs to the socket, which stays until a restart.
    let loopback = running.data.ip().to_canonical().is_loopback();
    let mut settings = journey::Settings { loopback, ..new.journey.clone() };
    // The same rules stay one copy: conversations hold on to the one that they began with.
    if settings.redaction.is_like(&before.settings.redaction) {
        settings.redaction = Arc::clone(&before.settings.redaction);
    }
    let fleet = Fleet::new(node_list, &new.upstream, base);
    let snapshot = Arc::new(Snapshot::new(settings, fleet)?);
    if let (Some(certificate), Some(files)) = (&running.certificate, &new.serve.tls) {
        certificate.reload(files)?;
    }
    running.telemetry.know(&snapshot.line_labels(), &names);
    running.journey.shared().reconfigure(&new.journey.retry);
    running.journey.replace(snapshot);
    let restart_needed = config::restart_needed(&running.started, &new);
    Ok(Reloaded { restart_needed, warnings: loaded.warnings, files: loaded.files })
}

pub(super) fn tell(telemetry: &Telemetry, reloaded: &Result<Reloaded, ReloadError>) {
    let (result, notice) = match reloaded {
        Ok(done) => {
            let notice = NoticeEvent::new(clock::wall(), LogLevel::Info, "reloaded");
            let notice = match done.restart_needed.as_slice() {
                [] => notice,
                keys => notice.with("restart_needed", keys.join(" ")),
            };
            let notice = match done.warnings.as_slice() {
                [] => notice,
                warnings => {
                    let lines: Vec<_> = warnings.iter().map(Problem::line).collect();
                    notice.with("warnings", lines.join("; "))
                }
            };
            (ReloadResult::Applied, notice)
        }
        Err(error) => {
            let mut notice = NoticeEvent::new(clock::wall(), LogLevel::Error, "reload_refused")
                .with("error", format!("failed to {}", with_causes(error)));
            if let ReloadError::Config(report) = error {
                notice = notice.with("problems", report.lines().join("; "));
            }
            (ReloadResult::Rejected, notice)
        }
    };
    telemetry.config_reloaded(result);
    telemetry.notice(&notice);
}
